"""Who changes the primary email of a contact is told by which email its login opens from then on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.conftest import Running, serving, settings_for, statements
from tests.graph.conftest import Caller, Customer, put

TOLD = "userErrors { __typename message path code ... on LoginEmailWarning { still: loginEmail } }"
CHANGE = f"""mutation($c: ContactRef!, $e: EmailEdits, $n: String) {{
  updateContact(input: {{contact: $c, emails: $e, nickname: $n}}) {{
    contact {{ emails {{ address }} }} {TOLD} }} }}"""
WARNING = {
    "__typename": "LoginEmailWarning",
    "message": "The login still opens by ray@example.com, which is not the primary email: "
    "`changeEmail` moves the login.",
    "path": ["input", "emails"],
    "code": "OTHER_LOGIN_EMAIL",
    "still": "ray@example.com",
}
EMAILS = "query($c: ID!) { contact(by: {id: $c}) { emails { id address } } }"


@pytest.fixture(params=[True, False], ids=["compiled", "resolvers"])
async def served(
    request: pytest.FixtureRequest, running: Running, database: str, tmp_path: Path
) -> AsyncIterator[Running]:
    """The application over the same database, which compiles mutations or does not."""
    async with serving(settings_for(database, tmp_path, compiled_plans=request.param)) as (client, app):
        yield Running(client, app, {})


@pytest.fixture
async def office(served: Running, agent: Caller) -> Caller:
    return Caller(served.client, agent.token)


async def ids(caller: Caller, contact: str) -> dict[str, str]:
    """{address: id} of the emails of a contact."""
    return {e["address"]: e["id"] for e in (await caller(EMAILS, c=contact))["contact"]["emails"]}


async def change(caller: Caller, contact: str, **edits: Any) -> Any:
    """(the emails afterwards, the primary one first; what is told)."""
    done = (await caller(CHANGE, c={"id": contact}, e=edits))["updateContact"]
    return [each["address"] for each in done["contact"]["emails"]], done["userErrors"]


async def test_whoever_parts_the_primary_email_from_the_login_is_told(
    office: Caller, nobody: Caller, customer: Customer
) -> None:
    contact = customer.contact
    business = {"kind": "BUSINESS", "address": "new@example.com"}
    # Twice: the second time the caller is known, and the change may be written by one statement.
    assert await change(office, contact, add=[business]) == (["ray@example.com", "new@example.com"], [])
    of = await ids(office, contact)
    own, new = of["ray@example.com"], of["new@example.com"]
    first = {"id": new, "primary": True}
    assert await change(office, contact, update=[first]) == (["new@example.com", "ray@example.com"], [WARNING])
    await nobody.login("ray@example.com")
    # What leaves them as they are, or makes them one again, is nothing to warn of.
    assert (await change(office, contact, update=[first]))[1] == []
    assert (await change(office, contact, update=[{"id": new, "notes": "work"}]))[1] == []
    assert (await office(CHANGE, c={"id": contact}, n="N"))["updateContact"]["userErrors"] == []
    assert await change(office, contact, update=[{"id": own, "primary": True}]) == (
        ["ray@example.com", "new@example.com"],
        [],
    )
    spelled = {"id": own, "address": "Ray@EXAMPLE.com"}
    assert await change(office, contact, update=[spelled]) == (["Ray@EXAMPLE.com", "new@example.com"], [])
    assert (await change(office, contact, update=[{"id": own, "active": False}]))[1] == [WARNING]
    assert (await change(office, contact, update=[{"id": own, "active": True, "primary": True}]))[1] == []
    corrected = {"id": own, "address": "ray@other.example"}
    assert await change(office, contact, update=[corrected]) == (["ray@other.example", "new@example.com"], [WARNING])
    assert await change(office, contact, remove=[own]) == (["new@example.com"], [WARNING])
    assert await change(office, contact, remove=[new]) == ([], [WARNING])
    assert await change(office, contact, add=[business]) == (["new@example.com"], [WARNING])
    other = business | {"address": "third@example.com", "primary": True}
    assert await change(office, contact, add=[other]) == (["third@example.com", "new@example.com"], [WARNING])
    await nobody.login("ray@example.com")


async def test_the_person_is_told_as_well(customer: Customer) -> None:
    mutation = f"""mutation($e: EmailEdits) {{ updateProfile(input: {{emails: $e}}) {{
      contact {{ emails {{ address }} }} {TOLD} }} }}"""
    add = {"add": [{"kind": "PERSONAL", "address": "new@example.com", "primary": True}]}
    done = (await customer(mutation, e=add))["updateProfile"]
    assert done == {
        "contact": {"emails": [{"address": "new@example.com"}, {"address": "ray@example.com"}]},
        "userErrors": [WARNING],
    }


async def test_who_has_no_login_has_nothing_to_be_told(office: Caller, core: Core) -> None:
    emails = [{"kind": "BUSINESS", "address": "a@example.com"}]
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "Ray", "emails": emails})
    own = (await ids(office, f"con_{contact}"))["a@example.com"]
    corrected = {"id": own, "address": "b@example.com"}
    assert await change(office, f"con_{contact}", update=[corrected]) == (["b@example.com"], [])


async def test_a_lead_that_brings_a_contact_its_first_email_tells_so_too(
    office: Caller, customer: Customer, core: Core, nobody: Caller
) -> None:
    convert = f"""mutation($i: ConvertLeadInput!) {{ convertLead(input: $i) {{
      contact {{ emails {{ address }} }} {TOLD} }} }}"""
    contact = {"id": customer.contact}
    own = (await ids(office, customer.contact))["ray@example.com"]
    rows = {
        "new": [{"kind": "BUSINESS", "address": "new@example.com"}],
        "own": [{"kind": "BUSINESS", "address": "RAY@example.com"}],
        "none": [],
    }
    leads = await put(core, PartyKind.LEAD, *({"last_name": name, "emails": emails} for name, emails in rows.items()))

    async def converted(lead: int, **more: Any) -> Any:
        given = {"lead": {"id": f"lea_{lead}"}, "contact": contact} | more
        done = (await office(convert, i=given))["convertLead"]
        told = [each for each in done["userErrors"] if each["code"] != "LEFT_OUT"]
        return [each["address"] for each in done["contact"]["emails"]], told

    # What leaves the primary email as it is, is nothing to warn of.
    assert await converted(leads[0], dryRun=True) == (["ray@example.com", "new@example.com"], [])
    assert await change(office, customer.contact, remove=[own]) == ([], [WARNING])
    assert await converted(leads[2]) == ([], [])
    assert await converted(leads[1], dryRun=True) == (["RAY@example.com"], [])
    told = [WARNING | {"path": ["input", "contact"]}]
    assert await converted(leads[0], dryRun=True) == (["new@example.com"], told)
    assert await converted(leads[0]) == (["new@example.com"], told)
    await nobody.login("ray@example.com")


async def test_it_is_read_with_the_emails_and_takes_no_statement(
    office: Caller, customer: Customer, served: Running
) -> None:
    phone = "mutation($c: ContactRef!, $p: PhoneEdits) { updateContact(input: {contact: $c, phones: $p}) { %s } }"
    selected = f"contact {{ phones {{ id }} }} {TOLD}"
    add = {"add": [{"kind": "FAX", "raw": "1"}]}
    done = await office(phone % selected, c={"id": customer.contact}, p=add)
    fax = done["updateContact"]["contact"]["phones"][0]["id"]
    own = (await ids(office, customer.contact))["ray@example.com"]
    counts = []
    for notes in ("a", "b"):
        with statements(served.db) as seen:
            change = {"update": [{"id": fax, "notes": notes}]}
            await office(phone % selected, c={"id": customer.contact}, p=change)
            counts.append(len(seen))
        with statements(served.db) as seen:
            change = {"update": [{"id": own, "notes": notes}]}
            await office(CHANGE, c={"id": customer.contact}, e=change)
            counts.append(len(seen))
        assert not any("password_hash" in text for text in seen if "FROM email" in text)
    assert counts[2] == counts[3] > 0
