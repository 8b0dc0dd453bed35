"""The operations, what they are asked about, and when two answers are the same.

`CANONICAL` are the operations of the schema as they stand. PostGraphile derives its schema from the tables, so it has
its own spelling of each, which answers in the same words by aliases.
"""

import datetime as dt
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CANONICAL = {
    "Q1": """query Q1($id: ID!) { contact(by: {id: $id}) { id firstName lastName jobTitle emails { kind address }
  phones { kind raw e164 } addresses { kind street city postalCode country } account { id name } } }""",
    "Q2": """query Q2($after: String) {
  contacts(first: 100, after: $after, sort: [{field: CREATED_AT, direction: DESC}]) {
    edges { cursor node { id number firstName middleName lastName jobTitle department language createdAt updatedAt
      emails { address } phones { raw } addresses { city country } account { name industry } } }
    pageInfo { hasNextPage endCursor } } }""",
    "Q3": """query Q3 { accounts(first: 50) { nodes { id name contacts(first: 10) { nodes { fullName
  emails { address } } } } } }""",
    "Q4": """query Q4($prefix: String!, $city: String!) {
  contacts(first: 50, filter: {lastName: {startsWith: $prefix}, city: {eq: $city}},
           sort: [{field: LAST_NAME, direction: ASC}]) {
    nodes { id fullName emails { address } addresses { city } } } }""",
    "M1": """mutation M1($contact: ContactRef!, $firstName: String!, $phone: ID!, $raw: String!) {
  updateContact(input: {contact: $contact, firstName: $firstName, phones: {update: [{id: $phone, raw: $raw}]}}) {
    contact { id revision firstName phones { id raw } } userErrors { code message path } } }""",
}

POSTGRAPHILE = {
    "Q1": """query Q1($id: BigInt!) { contact: contactByRowId(rowId: $id) { id: rowId firstName lastName jobTitle
  emails: emailsByPartyIdList(orderBy: [RANK_ASC]) { kind address }
  phones: phonesByPartyIdList(orderBy: [RANK_ASC]) { kind raw e164 }
  addresses: addressesByPartyIdList(orderBy: [RANK_ASC]) { kind street city postalCode country }
  account: accountByAccountId { id: rowId name } } }""",
    "Q2": """query Q2($after: Cursor) {
  contacts: allContacts(first: 100, after: $after, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC],
                        condition: {deletedAt: null}) {
    edges { cursor node { id: rowId number firstName middleName lastName jobTitle department language createdAt
      updatedAt emails: emailsByPartyIdList(orderBy: [RANK_ASC]) { address }
      phones: phonesByPartyIdList(orderBy: [RANK_ASC]) { raw }
      addresses: addressesByPartyIdList(orderBy: [RANK_ASC]) { city country }
      account: accountByAccountId { name industry } } }
    pageInfo { hasNextPage endCursor } } }""",
    "Q3": """query Q3 { accounts: allAccounts(first: 50, condition: {deletedAt: null}) { nodes { id: rowId name
  contacts: contactsByAccountId(first: 10, condition: {deletedAt: null}) { nodes { fullName
    emails: emailsByPartyIdList(orderBy: [RANK_ASC]) { address } } } } } }""",
    "Q4": """query Q4($prefix: String!, $city: String!) {
  contacts: contactsNamed(prefix: $prefix, city: $city, first: 50) { nodes { id: rowId fullName
    emails: emailsByPartyIdList(orderBy: [RANK_ASC]) { address }
    addresses: addressesByPartyIdList(orderBy: [RANK_ASC]) { city } } } }""",
    "M1": """mutation M1($contact: BigInt!, $firstName: String!, $phone: BigInt!, $raw: String!) {
  updateContact: renameContact(input: {contactId: $contact, firstName: $firstName, phoneId: $phone, raw: $raw}) {
    contact: result { id: rowId revision firstName
      phones: phonesByPartyIdList(orderBy: [RANK_ASC]) { id: rowId raw } } } }""",
}

WORKS = {
    "Q1": "one contact by id, with its emails, phones, addresses and account",
    "Q2": "a page of 100 contacts by time, with ten columns, emails, phones, addresses and account",
    "Q3": "50 accounts, each with its first 10 contacts and their emails",
    "Q4": "the first 50 contacts by prefix of the last name and city",
    "M1": "one contact's first name and phone changed, with a row in the change log",
}


@dataclass
class Sample:
    """What the operations are asked about: records drawn once for all contenders, the same ones each run.

    Attributes:
        contacts: ids to read.
        writable: (contact, its first phone) to write, none of them among `contacts`.
        leads: ids of leads, the first half to read, the second to write.
        names: (prefix of a last name, city) with somebody to find.
    """

    contacts: list[int] = field(default_factory=list)
    writable: list[tuple[int, int]] = field(default_factory=list)
    leads: list[int] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    async def draw(cls, fetch: Callable[[str], Any]) -> "Sample":
        """Draw from a database.

        Args:
            fetch: runs a statement and returns its rows.
        """
        dice = random.Random("sample")
        first, last = next(iter(await fetch("SELECT min(id), max(id) FROM contact")))
        wanted = ", ".join(str(dice.randint(first, last)) for _ in range(1000))
        rows = await fetch(
            f"SELECT c.id, p.id, c.last_name, a.city FROM contact c JOIN phone p ON p.party_id = c.id AND p.rank = 0 "
            f"JOIN address a ON a.party_id = c.id AND a.rank = 0 "
            f"WHERE c.id IN ({wanted}) AND c.deleted_at IS NULL ORDER BY c.id"
        )
        rows = [tuple(row) for row in rows]
        dice.shuffle(rows)
        leads = [
            row[0]
            for row in await fetch(
                "SELECT id FROM lead WHERE deleted_at IS NULL AND converted_at IS NULL ORDER BY id LIMIT 1000"
            )
        ]
        half = len(rows) // 2
        return cls(
            contacts=[row[0] for row in rows[:half]],
            writable=[(row[0], row[1]) for row in rows[half:]],
            leads=leads,
            names=[(name[: dice.choice((2, 3))], city) for _, _, name, city in rows[:half]],
        )


def cases(work: str, sample: Sample, cursors: list[str | None]) -> list[dict[str, Any]]:
    """The variables of one work, in nobody's encoding; M1 gets its new values with each request."""
    match work:
        case "Q1":
            return [{"id": contact} for contact in sample.contacts]
        case "Q2":
            return [{"after": cursor} for cursor in cursors]
        case "Q4":
            return [{"prefix": prefix, "city": city} for prefix, city in sample.names]
        case "M1":
            return [{"contact": contact, "phone": phone} for contact, phone in sample.writable]
    return [{}]


_FIRST_NAMES = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Eleni",
    "Farid",
    "Grace",
    "Hiro",
    "Ines",
    "Jonas",
    "Katya",
    "Luca",
    "Maya",
    "Nikos",
    "Olga",
    "Pedro",
    "Quinn",
    "Rosa",
    "Samir",
]


def novelty(turn: int) -> dict[str, str]:
    """A first name as people have, another one than the record was given the last time, and a phone number that nobody
    had for a million turns; the number is in E.164 but for a blank."""
    name = _FIRST_NAMES[(turn + turn // 256) % len(_FIRST_NAMES)]
    return {"firstName": name, "raw": f"+357 99{turn % 1_000_000:06d}"}


_TIMES = frozenset({"createdAt", "updatedAt"})
_CURSORS = frozenset({"cursor", "endCursor"})
_ENCODED = re.compile(r"(?:[a-z]{3}_)?(\d+)")


def normal(data: Any, key: str = "") -> Any:
    """An answer's data with everything taken out in which equal answers may differ.

    Ids are the numbers of the rows (crmgraph prefixes them by kind); times are moments to the millisecond, which is
    as far as JavaScript goes, in UTC where they name no zone; a cursor is that there is one; an empty `userErrors` is
    left out, which PostGraphile has not. Objects are compared by key, lists in their order, everything else as it is.
    """
    match data:
        case dict():
            return {k: normal(v, k) for k, v in data.items() if k != "userErrors" or v}
        case list():
            return [normal(item, key) for item in data]
        case str() if key == "id" and (found := _ENCODED.fullmatch(data)):
            return int(found[1])
        case str() if key in _TIMES:
            at = dt.datetime.fromisoformat(data)
            at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
            return at.replace(microsecond=at.microsecond // 1000 * 1000)
        case str() if key in _CURSORS:
            return "a cursor"
    return data


def difference(one: Any, other: Any, path: str = "data") -> str | None:
    """Where two normalised answers first differ; None when they are the same."""
    if type(one) is not type(other):
        return f"{path}: {one!r} is not {other!r}"
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return f"{path}: the keys {sorted(one)} are not {sorted(other)}"
        found = (difference(one[key], other[key], f"{path}.{key}") for key in one)
        return next((each for each in found if each), None)
    if isinstance(one, list):
        if len(one) != len(other):
            return f"{path}: {len(one)} items are not {len(other)}"
        found = (difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(one, other, strict=True)))
        return next((each for each in found if each), None)
    return None if one == other else f"{path}: {one!r} is not {other!r}"
