"""Values to try, and what a door tells of one that it tells otherwise than it is kept."""

import datetime as dt
import itertools
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from crmgraph.crm.models import PartyKind
from crmgraph.crm.values.text import is_blank
from crmgraph.dialects.crmcom.codecs import LANGUAGES
from tests.agreement.doors import BIRTH, BOOLEANS, CONSENTS, LINKS, Place, Values, country_name
from tests.agreement.world import World

serial = itertools.count(1)
"""So that no two records share a value that is unique."""

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda text: not is_blank(text)
)
"""A text of which nothing can be seen says no more than an empty one."""
COUNTRY = st.sampled_from(("CY", "GR", "GB", "FR", "JP", "US", "BO"))
PHONE = st.from_regex(r"\A(\+|00)?[1-9][0-9 ()./-]{3,9}\Z").map(lambda raw: f"{raw}{next(serial)}")
MONEY = st.integers(0, 10**11).map(lambda cents: Decimal(cents) / 100)
DATE = st.dates(dt.date(1850, 1, 1), dt.date(2150, 1, 1))
BIRTHDAY = st.one_of(
    DATE.map(lambda date: (date.day, date.month, date.year)),
    st.tuples(st.integers(1, 28), st.integers(1, 12), st.none()),
    st.tuples(st.none(), st.none(), st.integers(1850, 2150)),
)
EMAIL = st.from_regex(r"\A[A-Za-z]{1,8}\Z").map(lambda name: f"{name}.{next(serial)}@Example.com")

UNTOUCHED = frozenset({"kind", "number", "approval", "locked_by", "primary_contact_id"})
"""What these tests do not write: the kind and approval of a record bear on more than their own telling, and the primary
contact is whoever reads the account at Covalense's door."""
OF_ITSELF = frozenset(
    {
        *("number", "kind", "approval", "owner_id", "primary_contact_id", "account_id"),
        *("created_at", "updated_at", "created_by_id", "modified_by_id"),
        # A signup brings these, and an account's first address is that for its bills.
        *("name", "platform", "emails[first].address"),
        *(f"addresses[first].{column}" for column in ("street", "city", "postal_code", "country")),
    }
)
"""What a new record may have that its values do not tell."""
ALWAYS = frozenset({"last_name", "name", "owner_id", "street", "city"})
"""What is never cleared: records need it, and an address of which nothing is left goes away."""


def of_place(place: Place, world: World, others: dict[PartyKind, list[int]]) -> st.SearchStrategy[Any]:
    """Values of a place, None among them where it can be cleared."""
    found = _of_column(place, world, others)
    if place.column in ALWAYS or place.column in BOOLEANS or str(place) == "emails[first].address":
        return found
    return st.none() | found


def _of_column(place: Place, world: World, others: dict[PartyKind, list[int]]) -> st.SearchStrategy[Any]:
    column = place.column
    if place == BIRTH:
        return BIRTHDAY
    if column in BOOLEANS or column in CONSENTS:
        return st.booleans()
    if column == "country" or column.endswith("_country"):
        return COUNTRY
    if column in LINKS:
        kind = LINKS[column]
        return st.sampled_from(world.users if kind is None else others[kind])
    if place.rows == "phones" and column == "raw":
        return PHONE
    if place.rows == "emails" and column == "address":
        return EMAIL
    match column:
        case "employees":
            return st.integers(0, 10**9)
        case "annual_revenue":
            return MONEY
        case "established_on":
            return DATE
        case "language":
            return st.sampled_from(LANGUAGES)
        case "sic_code":
            return st.integers(1, 10**12).map(str)
        case "category" | "privacy_level" | "industry" | "sector":
            return TEXT.map(str.strip)  # identifiers have no outer blanks
    return TEXT


def some(
    places: Iterable[Place], world: World, others: dict[PartyKind, list[int]], *, whole: bool = False
) -> st.SearchStrategy[Values]:
    """Values of some of these places, those of an address together with its street and city; or of all of them."""
    known = sorted((p for p in places if str(p) not in UNTOUCHED), key=str)
    if any(place.slot == "BILLING" for place in known):  # which is the first of an account's addresses
        known = [place for place in known if (place.rows, place.slot) != ("addresses", "first")]
    if whole:
        return st.fixed_dictionaries({place: _of_column(place, world, others) for place in known})
    optional = {place: of_place(place, world, others) for place in known}
    return st.fixed_dictionaries({}, optional=optional).map(lambda values: _complete(values, known, optional))


def _complete(values: Values, known: list[Place], optional: Any) -> Values:
    """Leave out what cannot stand alone: parts of an address without its street and city, a second without a first."""
    found = dict(values)
    for rows, main in (("addresses", ("street", "city")), ("phones", ("raw",)), ("emails", ("address",))):
        for slot in {place.slot for place in known if place.rows == rows}:
            needed = [Place(column, rows, slot) for column in main]
            if any(found.get(place) is None for place in needed):
                for place in [p for p in found if p.rows == rows and p.slot == slot and p not in needed]:
                    del found[place]
                if any(place not in found for place in needed):
                    for place in needed:
                        found.pop(place, None)
    for rows in ("emails", "addresses"):
        if not any(place.rows == rows and place.slot == "first" for place in found):
            for place in [p for p in found if p.rows == rows and p.slot == "second"]:
                del found[place]
    if not any(place.rows == "addresses" and place.slot == "BILLING" for place in found):
        for place in [p for p in found if p.rows == "addresses" and p.slot == "SHIPPING"]:
            del found[place]
    return found


def told(door: str, place: Place, kept: Values) -> Any:
    """What a door tells of what is kept."""
    value = kept[place]
    match door, str(place):
        case (("covalense" | "zoho"), "birth") if value is not None and None in value:
            return None
        case "covalense", "employees":
            return value or 0
        case "covalense", "annual_revenue":
            return value or Decimal(0)
        case (("covalense" | "zoho"), _) if place.column == "country":
            return value and country_name(value)
        case "crmcom", "gender":
            return value and value.upper()
        case "crmcom", "life_cycle_state":
            return value or "MARKETING"
        case "crmcom", "registration_country":
            return value and country_name(value).upper()  # told in brief, without a code
        case "covalense", ("reports_to_id" | "parent_id"):
            return None  # a customer sees nobody else's records
    return value


def by_itself(door: str, place: Place) -> bool:
    """Whether a door works the value out when nobody gave it, from what the number says and where it was written."""
    return door == "crmcom" and place.rows == "phones" and place.column in ("area_code", "country")
