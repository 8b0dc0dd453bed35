"""The five doors, each as a client that writes and reads values by the names that `docs/fields.md` has for them.

A value is text, a boolean, a number, a date, the id of a record, an ISO country code, or None. How it stands on the
wire is written here anew, from the vendors' documents, and not taken from the codecs under test.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pycountry

from crmgraph.crm.models import Door, PartyKind
from crmgraph.lineage import Place, Word, places
from tests.agreement.world import PASSWORD, PORTAL, World

BIRTH = Place("birth")
"""The three parts of a date of birth, which most doors tell as one: (day, month, year)."""
PARTS = (Place("birth_day"), Place("birth_month"), Place("birth_year"))
LINKS = {
    "account_id": PartyKind.ACCOUNT,
    "parent_id": PartyKind.ACCOUNT,
    "reports_to_id": PartyKind.CONTACT,
    "primary_contact_id": PartyKind.CONTACT,
    "converted_contact_id": PartyKind.CONTACT,
    "converted_account_id": PartyKind.ACCOUNT,
    "owner_id": None,
    "created_by_id": None,
    "modified_by_id": None,
}
PREFIXES = {PartyKind.CONTACT: "con", PartyKind.ACCOUNT: "acc", PartyKind.LEAD: "lea", None: "usr"}
Values = dict[Place, Any]


def country_name(code: str) -> str:
    """The English name of a country in common use."""
    country = pycountry.countries.get(alpha_2=code)
    return getattr(country, "common_name", None) or country.name


def words(door: str, kind: PartyKind) -> dict[Place, Word]:
    """The words of a door for a kind of record. What one column of every row holds is tried on the primary row."""
    first = {
        "phones": "MOBILE",
        "emails": "first",
        "addresses": "BILLING" if kind is PartyKind.ACCOUNT else "first",
    }
    found: dict[Place, Word] = {}
    for place, known in places(kind).items():
        if door not in known or place.slot == "further" or (place.column in ("kind", "active") and place.rows):
            continue
        if place in PARTS:
            found[BIRTH] = known[door]
        elif place.slot == "every":
            found[Place(place.column, place.rows, first[place.rows])] = known[door]
        else:
            found[place] = known[door]
    return found


def inside(body: Mapping[str, Any], name: str) -> Any:
    """The value under a name whose dots lead into objects."""
    value: Any = body
    for step in name.split("."):
        value = value[step]
    return value


def put(body: dict[str, Any], name: str, value: Any) -> None:
    """Write a value under such a name."""
    *path, last = name.split(".")
    for step in path:
        body = body.setdefault(step, {})
    body[last] = value


def day(value: tuple[int | None, ...] | None) -> str | None:
    """A date of birth that is known as a whole."""
    return None if value is None or None in value else f"{value[2]:04}-{value[1]:02}-{value[0]:02}"


def parts(text: str | None) -> tuple[int, int, int] | None:
    if not text:
        return None
    year, month, number = map(int, text.split("-"))
    return number, month, year


@dataclass
class Record:
    """A record under test.

    Attributes:
        token: of the customer whose own it is, at Covalense's door.
        number: our id.
    """

    kind: PartyKind
    number: int
    token: str | None = None


@dataclass
class Client:
    """A client of one door."""

    world: World
    name: str = ""
    words: dict[PartyKind, dict[Place, Word]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.words = {kind: words(self.name, kind) for kind in PartyKind}

    def written(self, kind: PartyKind) -> set[Place]:
        """What it writes of a kind of record."""
        return {place for place, word in self.words[kind].items() if word.written}

    def read(self, kind: PartyKind) -> set[Place]:
        """What it reads of a kind of record."""
        return {place for place, word in self.words[kind].items() if word.read}

    async def values(self, record: Record) -> Values:
        """Everything that the door tells of a record."""
        raise NotImplementedError

    async def change(self, record: Record, values: Values) -> None:
        """Write these values."""
        raise NotImplementedError


class Graph(Client):
    """GraphQL."""

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of an operation that goes well."""
        answer = await self.world.client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.world.graph}"},
        )
        body = answer.json()
        assert answer.status_code == 200 and "errors" not in body, answer.text
        for payload in body["data"].values():
            told = (payload or {}).get("userErrors") or []
            # A warning beside what was done: the login goes on by another email than the primary one.
            assert [each for each in told if each["code"] != "OTHER_LOGIN_EMAIL"] == [], answer.text
        return body["data"]

    async def create(self, kind: PartyKind, values: Values) -> Record:
        """A new record."""
        name = kind.value.title()
        given = self._input(kind, values, {})
        query = f"mutation($i: Create{name}Input!) {{ create{name}(input: $i) {{ {kind.value.lower()} {{ id }}"
        data = await self.ask(query + " userErrors { code path } } }", i=given)
        return Record(kind, int(data[f"create{name}"][kind.value.lower()]["id"][4:]))

    async def change(self, record: Record, values: Values) -> None:
        name = record.kind.value.title()
        given = self._input(record.kind, values, await self._rows(record)) | {
            record.kind.value.lower(): {"id": self.id(record)}
        }
        query = f"mutation($i: Update{name}Input!) {{ update{name}(input: $i) {{ userErrors {{ code path }} }} }}"
        await self.ask(query, i=given)

    async def values(self, record: Record) -> Values:
        known = {p: w for p, w in self.words[record.kind].items() if not p.rows and p != BIRTH}
        fields = " ".join(_selected(place, word.name) for place, word in known.items())
        birth = "birthDate { day month year }" if record.kind is PartyKind.CONTACT else ""
        type_ = record.kind.value.title()
        query = f"query($id: ID!) {{ node(id: $id) {{ ... on {type_} {{ {fields} {birth} {ROWS} }} }} }}"
        node = (await self.ask(query, id=self.id(record)))["node"]
        found = {place: _from_graph(place, node, word.name) for place, word in known.items()}
        if birth:
            date = node["birthDate"]
            found[BIRTH] = date and (date["day"], date["month"], date["year"])
        rows = _places_of_rows(record.kind, node)
        for place, word in self.words[record.kind].items():
            if place.rows:
                row = rows.get((place.rows, place.slot))
                found[place] = row and row[word.name.rpartition(".")[2]]
        return found

    async def rows(self, record: Record) -> dict[str, list[dict[str, Any]]]:
        """All rows as they are."""
        query = f"query($id: ID!) {{ node(id: $id) {{ ... on Record {{ revision {ROWS} }} }} }}"
        node: dict[str, Any] = (await self.ask(query, id=self.id(record)))["node"]
        return node

    def id(self, record: Record) -> str:
        return f"{PREFIXES[record.kind]}_{record.number}"

    async def _rows(self, record: Record) -> dict[tuple[str, str], dict[str, Any]]:
        return _places_of_rows(record.kind, await self.rows(record))

    def _input(self, kind: PartyKind, values: Values, rows: Mapping[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        slots: dict[tuple[str, str], dict[str, Any]] = {}
        for place, value in values.items():
            if place.rows:
                column = self.words[kind][place].name.rpartition(".")[2]
                slots.setdefault((place.rows, place.slot), {})[column] = value
            elif place == BIRTH:
                day_, month, year = value or (None, None, None)
                given["birthDate"] = {"day": day_, "month": month, "year": year}
            else:
                put(given, self.words[kind][place].name, _to_graph(place, value))
        for (name, slot), columns in sorted(slots.items()):
            if (row := rows.get((name, slot))) is None and columns.get(MAIN[name]) is None:
                continue
            edits = given.setdefault(name, {})
            if row is None:
                edits.setdefault("add", []).append({"kind": kind_of(name, slot)} | columns)
            elif MAIN[name] in columns and columns[MAIN[name]] is None:
                edits.setdefault("remove", []).append(row["id"])
            else:
                edits.setdefault("update", []).append({"id": row["id"]} | columns)
        return given


ROWS = """phones { id kind raw country areaCode notes active }
  emails { id kind address notes active }
  addresses { id kind careOf street streetNumber floor apartment area district municipality city state postalCode
    country countryName poBox poBoxPostalCode notes active }"""
MAIN = {"phones": "raw", "emails": "address", "addresses": "street"}
"""The column without which a row is none (an address has a street in these tests)."""


def kind_of(rows: str, slot: str) -> str:
    """The kind of a row that is added for a slot."""
    ranks = {("emails", "first"): "PERSONAL", ("emails", "second"): "BUSINESS"}
    ranks |= {("addresses", "first"): "BUSINESS", ("addresses", "second"): "OTHER"}
    return ranks.get((rows, slot), slot)


def _places_of_rows(kind: PartyKind, record: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """{(list, slot): the row that is read there}, counted as the flat dialects do."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name in MAIN:
        active = [row for row in record[name] if row["active"]]
        for row in active:
            found.setdefault((name, row["kind"]), row)
        for slot, row in zip(("first", "second"), active, strict=False):
            found[name, slot] = row
    return found


def _selected(place: Place, name: str) -> str:
    *path, last = name.split(".")
    inner = f"{last} {{ id }}" if place.column in LINKS else last
    for step in reversed(path):
        inner = f"{step} {{ {inner} }}"
    return inner


def _to_graph(place: Place, value: Any) -> Any:
    if place.column in LINKS and value is not None:
        return f"{PREFIXES[LINKS[place.column]]}_{value}"
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def _from_graph(place: Place, node: Mapping[str, Any], name: str) -> Any:
    value = inside(node, name)
    if place.column in LINKS:
        return value and int(value["id"][4:])
    if value is not None and place.column == "annual_revenue":
        return Decimal(value)
    if value is not None and place.column == "established_on":
        return dt.date.fromisoformat(value)
    if value is not None and place.column.endswith("_at"):
        return value[:19]
    return value


class Covalense(Client):
    """Covalense, spoken by the customer whose contact or account it is."""

    async def create(self, kind: PartyKind, values: Values, email: str) -> Record:
        """A new contact with a new account, by signup, and then the change of one of the two."""
        given = {"LastName": "New", "EmailAddress": email, "Platform": "PREPAID", "CompanyName": "New"}
        await self.request("POST", "signup", {"AcctInfo": given, "Password": PASSWORD, "OrderType": "New"})
        record = Record(kind, 0, await self.world.login(email))
        contact = await self.request("GET", "profile/contact", token=record.token)
        record.number = int((contact["id"] if kind is PartyKind.CONTACT else contact["account_id"])[3:])
        await self.change(record, values)
        return record

    async def change(self, record: Record, values: Values) -> None:
        body: dict[str, Any] = {}
        for place, value in values.items():
            word = self.words[record.kind][place].name
            put(body, word, self._wire(place, value))
        await self.request("PUT", self._path(record), body, token=record.token)

    async def values(self, record: Record) -> Values:
        told = await self.told(record)
        return {p: self._read(p, inside(told, w.name)) for p, w in self.words[record.kind].items() if w.read}

    async def send(self, record: Record, body: dict[str, Any]) -> None:
        """Change a record in the dialect's own words."""
        await self.request("PUT", self._path(record), body, token=record.token)

    async def told(self, record: Record) -> dict[str, Any]:
        """The record as it is answered; an account is only answered to a change, here of nothing."""
        if record.kind is PartyKind.CONTACT:
            return await self.request("GET", "profile/contact", token=record.token)
        return await self.request("PUT", "profile/account", {}, token=record.token)

    async def send_back(self, record: Record) -> None:
        """Send everything that was told."""
        await self.request("PUT", self._path(record), await self.told(record), token=record.token)

    def _path(self, record: Record) -> str:
        return "profile/contact" if record.kind is PartyKind.CONTACT else "profile/account"

    async def request(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> dict[str, Any]:
        headers = PORTAL | ({"token": token} if token else {})
        answer = await self.world.client.request(method, f"/crm/v1/{path}", headers=headers, json=body)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()["response"]["result"]
        return result

    @staticmethod
    def _wire(place: Place, value: Any) -> str:
        if place == BIRTH:
            return day(value) or ""
        if place.column == "country" and value:
            return country_name(value)
        if isinstance(value, Decimal):
            return f"{value:.8f}"
        return str(int(value)) if isinstance(value, bool) else "" if value is None else str(value)

    @staticmethod
    def _read(place: Place, value: str) -> Any:
        match place.column:
            case "birth":
                return parts(value)
            case "employees":
                return int(value)
            case "annual_revenue":
                return Decimal(value)
            case column if column in BOOLEANS:
                return {"0": False, "1": True}[value]
            case column if column in LINKS:
                return int(value[3:]) if value else None
            case column if column.endswith("_at"):
                return value.replace(" ", "T")
        return value or None


SWITCHES = """email_opt_out do_not_call sms_opt_out decision_maker push_notifications do_not_disturb roaming
show_usage_details show_live_chat show_weather show_finance show_calendar show_news"""
BOOLEANS = frozenset(SWITCHES.split())
CONSENTS = frozenset({"direct_marketing", "affiliate_marketing"})


class Zoho(Client):
    """Zoho."""

    async def create(self, kind: PartyKind, values: Values) -> Record:
        """A new record."""
        body = await self.request("POST", f"/{MODULES[kind]}", {"data": [self._body(kind, values)]}, 201)
        return Record(kind, int(body["data"][0]["details"]["id"]))

    async def change(self, record: Record, values: Values) -> None:
        await self.send(record, self._body(record.kind, values))

    async def values(self, record: Record) -> Values:
        told = await self.told(record)
        return {p: self._read(p, told[w.name]) for p, w in self.words[record.kind].items() if w.read}

    async def told(self, record: Record) -> dict[str, Any]:
        """The record as it is answered."""
        body = await self.request("GET", f"/{MODULES[record.kind]}/{record.number}")
        found: dict[str, Any] = body["data"][0]
        return found

    async def send_back(self, record: Record) -> None:
        """Send everything that was told."""
        await self.send(record, await self.told(record))

    async def send(self, record: Record, row: dict[str, Any]) -> None:
        """Change a record in the dialect's own words."""
        await self.request("PUT", f"/{MODULES[record.kind]}/{record.number}", {"data": [row]})

    async def request(self, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
        headers = {"Authorization": f"Zoho-oauthtoken {self.world.tokens[Door.ZOHO]}"}
        content = None if body is None else json.dumps(body)
        answer = await self.world.client.request(method, f"/crm/v2{path}", headers=headers, content=content)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _body(self, kind: PartyKind, values: Values) -> dict[str, Any]:
        return {self.words[kind][place].name: self._wire(place, value) for place, value in values.items()}

    @staticmethod
    def _wire(place: Place, value: Any) -> Any:
        if place == BIRTH:
            return day(value)
        if place.column == "country" and value:
            return country_name(value)
        if place.column in LINKS:
            return value and {"id": str(value)}
        if place.column == "sic_code":
            return value and int(value)
        return float(value) if isinstance(value, Decimal) else value

    @staticmethod
    def _read(place: Place, value: Any) -> Any:
        if value is None:
            return None
        match place.column:
            case "birth":
                return parts(value)
            case "annual_revenue":
                return Decimal(str(value))
            case "sic_code":
                return str(value)
            case "approval":
                return {True: "APPROVED", False: "AWAITING"}[value]
            case column if column in LINKS:
                return int(value["id"])
            case column if column.endswith("_at"):
                assert value.endswith("+00:00")
                return value[:19]
        return value


MODULES = {PartyKind.CONTACT: "Contacts", PartyKind.ACCOUNT: "Accounts", PartyKind.LEAD: "Leads"}


class CrmCom(Client):
    """CRM.COM."""

    async def create(self, kind: PartyKind, values: Values) -> Record:
        """A new contact information."""
        body = {"type": "PERSON" if kind is PartyKind.CONTACT else "COMPANY"} | self._body(kind, values, {})
        data = await self.request("contact_information/create", body)
        return Record(kind, int(data["id"], 16))

    async def change(self, record: Record, values: Values) -> None:
        rows = _places_of_rows(record.kind, self._sets(await self.told(record)))
        await self.send(record, self._body(record.kind, values, rows))

    async def values(self, record: Record) -> Values:
        told = await self.told(record)
        rows = _places_of_rows(record.kind, self._sets(told))
        found = {}
        for place, word in self.words[record.kind].items():
            if not word.read:
                continue
            if place.rows:
                row = rows.get((place.rows, place.slot))
                found[place] = row and self._read(place, row[word.name.rpartition(".")[2]])
            else:
                found[place] = self._read(place, inside(told, word.name))
        return found

    async def told(self, record: Record) -> dict[str, Any]:
        """The record as it is answered."""
        token = self.world.tokens[Door.CRMCOM]
        identifier = f"id={record.number:032X}"
        answer = await self.world.client.get(
            "/crmapi/rest/v2/contact_information/show",
            params={"token": token, "contact_information_identifier": identifier},
        )
        return self._data(answer)

    async def send_back(self, record: Record) -> None:
        """Send everything that was told, but for the sets, whose rows are changed by actions."""
        told = await self.told(record)
        await self.send(record, {name: value for name, value in told.items() if not name.endswith("_set")})

    async def send(self, record: Record, body: dict[str, Any]) -> None:
        """Change a record in the dialect's own words."""
        identifier = {"contact_information_identifier": {"id": f"{record.number:032X}"}}
        await self.request("contact_information/update", body | identifier)

    async def request(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        content = json.dumps({"token": self.world.tokens[Door.CRMCOM], **body})
        return self._data(await self.world.client.post(f"/crmapi/rest/v2/{method}", content=content))

    @staticmethod
    def _data(answer: Any) -> dict[str, Any]:
        body = answer.json()
        assert body["status"]["code"] == "OK", answer.text
        data: dict[str, Any] = body["data"]
        return data

    @staticmethod
    def _sets(told: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The sets with their kinds in our words."""
        ours = {"CUSTOM1": "HOME", "CUSTOM2": "OTHER", "CUSTOM3": "ASSISTANT"}
        found = {}
        for name in MAIN:
            found[name] = [row | {"active": row["state"] == "Active"} for row in told[f"{name}_set"]]
            for row in found[name]:
                row["kind"] = row["type"].upper().replace(" ", "_")
                if name == "phones":
                    row["kind"] = ours.get(row["kind"], row["kind"])
        return found

    def _body(self, kind: PartyKind, values: Values, rows: Mapping[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        slots: dict[tuple[str, str], dict[str, Any]] = {}
        for place, value in values.items():
            name = self.words[kind][place].name
            if place.rows:
                column = name.rpartition(".")[2]
                slots.setdefault((place.rows, place.slot), {})[column] = self._wire(place, value)
            else:
                put(body, name, self._wire(place, value))
        theirs = {"HOME": "CUSTOM1", "OTHER": "CUSTOM2", "ASSISTANT": "CUSTOM3"}
        mains = {"phones": "number", "emails": "email", "addresses": "street_name"}
        for (name, slot), columns in sorted(slots.items()):
            main = mains[name]
            row = rows.get((name, slot))
            type_ = kind_of(name, slot)
            item: dict[str, Any]
            if row is None:
                if columns.get(main) is None:
                    continue
                item = {"action": "ADD", "type": theirs.get(type_, type_) if name == "phones" else type_} | columns
            elif main in columns and columns[main] is None:
                item = {"action": "REMOVE", IDENTIFIERS[name]: {"id": row["id"]}}
            else:
                item = {"action": "UPDATE", IDENTIFIERS[name]: {"id": row["id"]}} | columns
            body.setdefault(f"{name}_set", []).append(item)
        return body

    @staticmethod
    def _wire(place: Place, value: Any) -> Any:
        if place == BIRTH:
            return value and dict(zip(("day", "month", "year"), value, strict=True))
        if place.column == "country" or place.column.endswith("_country"):
            return value and {"two_character_code": value}
        if place.column in NAMED:
            return value and {"name": value}
        if isinstance(value, Decimal):
            return float(value)
        return f"{value}T00:00:00" if isinstance(value, dt.date) else value

    @staticmethod
    def _read(place: Place, value: Any) -> Any:
        if value is None:
            return None
        match place.column:
            case "birth":
                found = tuple(value[name] for name in ("day", "month", "year"))
                return None if set(found) == {None} else found
            case "annual_revenue":
                return Decimal(str(value))
            case "established_on":
                return dt.date.fromisoformat(value.removesuffix("T00:00:00"))
            case "floor":
                return str(value)
            case "country":
                return value["two_character_code"]
            case column if column.endswith("_country"):
                return value.get("two_character_code", value["name"])
            case column if column in NAMED:
                return value["name"]
        return value


NAMED = frozenset({"category", "privacy_level", "industry", "sector"})
"""What CRM.COM tells as an object with a name."""
IDENTIFIERS = {"phones": "phone_identifier", "emails": "email_identifier", "addresses": "address_identifier"}


class Valomnia(Client):
    """Valomnia."""

    async def create(self, kind: PartyKind, values: Values) -> Record:
        """A new contact."""
        assert kind is PartyKind.CONTACT
        body = await self.request("POST", "/contacts", self._form(values), 201)
        return Record(kind, body["id"])

    async def change(self, record: Record, values: Values) -> None:
        await self.request("POST", f"/contacts/{record.number}", self._form(values))

    async def values(self, record: Record) -> Values:
        told = await self.told(record)
        known = self.words[record.kind]
        return {p: self._read(p, told[w.name.partition(" /")[0]]) for p, w in known.items() if w.read}

    async def told(self, record: Record) -> dict[str, Any]:
        """The record as it is answered."""
        resource = "contacts" if record.kind is PartyKind.CONTACT else "customers"
        return await self.request("GET", f"/{resource}/{record.number}")

    async def send_back(self, record: Record) -> None:
        """Send everything that was told and is a value."""
        told = await self.told(record)
        form = {name: value for name, value in told.items() if isinstance(value, str)}
        await self.request("POST", f"/contacts/{record.number}", form | {"customerId": str(told["customer"]["id"])})

    async def request(self, method: str, path: str, form: Any = None, status: int = 200) -> dict[str, Any]:
        headers = {"Cookie": f"JSESSIONID={self.world.tokens[Door.VALOMNIA]}"}
        answer = await self.world.client.request(method, f"/api/v1.0{path}", headers=headers, data=form)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _form(self, values: Values) -> dict[str, str]:
        names = {place: word.name.rpartition("/ ")[2] for place, word in self.words[PartyKind.CONTACT].items()}
        return {names[place]: "" if value is None else str(value) for place, value in values.items()}

    @staticmethod
    def _read(place: Place, value: Any) -> Any:
        if place.column in LINKS:
            return value.get("id")
        if place.column.endswith("_at"):
            return value.removesuffix("Z")
        return None if value == "" else value


def clients(world: World) -> dict[str, Any]:
    """{door: its client}."""
    kinds: tuple[type[Client], ...] = (Graph, Covalense, Zoho, CrmCom, Valomnia)
    names = ("graphql", "covalense", "zoho", "crmcom", "valomnia")
    return {name: kind(world, name) for name, kind in zip(names, kinds, strict=True)}
