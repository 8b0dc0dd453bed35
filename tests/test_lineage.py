"""The lineage of fields: what the pages tell, and the words that are easily mixed up."""

from pathlib import Path

import pytest

from crmgraph.crm.models import PartyKind
from crmgraph.lineage import DOORS, places
from crmgraph.lineage.losses import altered, lost
from crmgraph.lineage.pages import fields_page, losses_page

DOCS = Path(__file__).parents[1] / "docs"


def test_the_pages_are_those_of_the_tables() -> None:
    for name, page in (("fields.md", fields_page()), ("losses.md", losses_page())):
        found, made = ((text.splitlines()) for text in ((DOCS / name).read_text(encoding="utf-8"), page))
        stale = [line for line in found if line not in made], [line for line in made if line not in found]
        assert found == made, f"docs/{name} is not what `python -m crmgraph.lineage` makes: {stale}"


CONTACT = """
salutation              salutation   title           Salutation       title        -
job_title               jobTitle     designation     Title            -            fonction
source                  source       leadsource      Lead_Source      -            -
description             description  description     Description      notes        comment
account_id              account      account_id      Account_Name     -            customer / customerId
reports_to_id           reportsTo    contact_id      Reporting_To     -            -
owner_id                owner        assigned_user_id Owner           -            user
phones[LANDLINE].raw    -            phone           Phone            -            phone
phones[MOBILE].raw      -            mobile          Mobile           -            mobile
phones[FAX].raw         -            fax             Fax              -            fax
phones[HOME].raw        -            homephone       Home_Phone       -            -
phones[OTHER].raw       -            otherphone      Other_Phone      -            phone2
phones[ASSISTANT].raw   -            assistantphone  Asst_Phone       -            -
emails[first].address   -            email           Email            -            email
emails[second].address  -            secondaryemail  Secondary_Email  -            -
addresses[first].city   -            mailingcity     Mailing_City     -            city
addresses[second].city  -            othercity       Other_City       -            -
"""
ACCOUNT = """
account_type            accountType    accounttype     Account_Type    -                                   -
tax_number              taxNumber      -               -               company_profile.tax_reference_number taxNumber
registration_number     registrationNumber - - company_profile.registration_number companyRegistrationNumber
annual_revenue          annualRevenue  annual_revenue  Annual_Revenue  company_profile.annual_turnover      -
industry                industry       industry        Industry        company_profile.industry            -
sector                  sector         -               -               company_profile.industry_sector     -
description             description    description     Description     notes                               comment
addresses[BILLING].city - bill_city Billing_City - billingCity
addresses[SHIPPING].city - ship_city Shipping_City - -
"""
LEAD = """
company company - Company - -
status status - Lead_Status - -
job_title jobTitle - Designation - -
employees employees - No_of_Employees - -
addresses[first].postal_code - - Zip_Code - -
"""


@pytest.mark.parametrize(
    ("kind", "table"), [(PartyKind.CONTACT, CONTACT), (PartyKind.ACCOUNT, ACCOUNT), (PartyKind.LEAD, LEAD)]
)
def test_the_words_are_those_of_the_documents(kind: PartyKind, table: str) -> None:
    """Rows of the graph and of CRM.COM's sets are named by their lists, and left out here."""
    known = {str(place): words for place, words in places(kind).items()}
    for line in table.strip().splitlines():
        line = line.replace(" / ", "/")
        place, *names = line.split()
        assert len(names) == len(DOORS)
        for door, name in zip(DOORS, names, strict=True):
            if place.startswith(("phones", "emails", "addresses")) and door in ("graphql", "crmcom"):
                continue
            word = known[place].get(door)
            assert (word.name.replace(" / ", "/") if word is not None else "-") == name, (place, door)


def test_the_graph_has_a_word_for_everything() -> None:
    for kind in PartyKind:
        assert [str(place) for place, words in places(kind).items() if "graphql" not in words] == []
        assert [str(place) for door in DOORS for place in lost(kind, door, "graphql")] == []
        unwritten = {
            str(place)
            for place, words in places(kind).items()
            if any(word.written for word in words.values()) and not words["graphql"].written
        }
        assert not unwritten, f"no input of graph/schema/inputs/records.py writes what dialects do: {unwritten}"


def test_nobody_but_the_office_changes_what_is_the_office_s() -> None:
    account = {str(place): words for place, words in places(PartyKind.ACCOUNT).items()}
    told = {name: account[name]["covalense"].written for name in ("name", "status", "rating", "owner_id", "website")}
    assert told == {"name": True, "status": False, "rating": False, "owner_id": False, "website": True}


def test_what_is_told_otherwise_than_it_is_kept() -> None:
    told = {(kind, door, str(place)) for kind in PartyKind for door in DOORS for place, _, _ in altered(kind, door)}
    assert told == {
        (PartyKind.CONTACT, "covalense", "birth_day"),
        (PartyKind.CONTACT, "zoho", "birth_day"),
        (PartyKind.CONTACT, "crmcom", "gender"),
        (PartyKind.CONTACT, "crmcom", "language"),
        (PartyKind.ACCOUNT, "covalense", "employees"),
        (PartyKind.ACCOUNT, "covalense", "annual_revenue"),
        (PartyKind.ACCOUNT, "zoho", "sic_code"),
        (PartyKind.ACCOUNT, "crmcom", "language"),
    }
