"""The questions of `bench/cliffs.py`: lists made at random, a page in every order, and one by every field."""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    build_schema,
    get_named_type,
    get_nullable_type,
)

from crmgraph.crm.query.choices import FIELDS as CHOICES
from crmgraph.dialects.valomnia.handlers.contacts import SORTS as VALOMNIA_SORTS
from crmgraph.dialects.zoho.fields import MODULES

ROOT = Path(__file__).parents[1]
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "lastName": ("Papadopoulos", "Zyx", "Nobody At All"),
    "firstName": ("Maria", "Maria Zyx", "Nobody"),
    "fullName": ("Maria Papadopoulos", "Maria Zyx", "Nobody At All"),
    "name": ("Nikolaou", "Nikolaou Trading 7", "Nobody"),
    "company": ("Frequent Ltd", "Nikolaou Trading 7 Ltd", "Nobody"),
    "jobTitle": ("Buyer", "Buyer of Hamlet", "Nobody"),
    "email": ("a.papadopoulos1@frequent.example", "zyx@hamlet.example", "nobody@nowhere.example"),
    "phone": ("+35799123456", "+35422123456", "+4930000000"),
    "city": ("Metropolis", "Hamlet", "Nowhere"),
    "country": ("CY", "IS", "TV"),
    "number": ("CON1", "LEA77", "XYZ"),
    "status": ("Contacted", "Junk", "Nobody's"),
    "source": ("Web", "Fair", "Nobody's"),
    "industry": ("Retail", "Mining", "Nobody's"),
    "category": ("Regular", "VIP", "Nobody's"),
    "lifeCycleState": ("Customer", "Lost", "Nobody's"),
    "accountType": ("Customer", "Partner", "Nobody's"),
    "segment": ("SMB", "Government", "Nobody's"),
    "rating": ("Warm", "Hot", "Nobody's"),
    "state": ("Central", "Far North", "Nowhere"),
    "postalCode": ("1000", "9999", "0"),
    "value": ("7000000014", "7000000007", "0"),
    "search": ("papadopoulos", "zyx", "nobody"),
    "createdAt": ("2019-01-02T00:00:00Z", "2999-01-01T00:00:00Z", "2019-06-01T00:00:00Z"),
    "updatedAt": ("2019-01-02T00:00:00Z", "2999-01-01T00:00:00Z", "2019-06-01T00:00:00Z"),
}
"""{field: a value that many have, that few have, that nobody has}."""

KNOWN: tuple[tuple[str, str], ...] = (
    (r"totalCount", "an exact count counts whatever it finds"),
    (
        r"(phone|number|value): \{(contains|endsWith)",
        "of digits no parts are kept: each entry of an index is looked at",
    ),
    (r"not: |isNull: false|notIn", "what few lack is found by asking everybody"),
    (r"(OptOut|doNotCall): false|Marketing: \{eq: false", "what nearly everybody is not has no index"),
    (r"address: \{.*kind: \[", "of addresses of which each value is frequent hardly any may have them all"),
    (r"deleted: true", "deleted records are looked through in the order in which they were deleted"),
    (r"active: false", "addresses that are not active have no index"),
    (
        r"(accountMatches|anyContact): .*(, (?!sort)[a-z]\w*|and|or|not): ",
        "what many other records have, and hardly any of the list's, is asked one by one",
    ),
    (r"isNull: true", "what few lack is found by asking everybody"),
    (r"or: \[.*\}, [a-z]\w*: \{", "of several conditions in one part of an OR one leads to its rows, whichever it is"),
    (r"Lead_Status", "what Zoho takes for equal in a list of choices has no index"),
    (r"Groups\(", "a count of groups counts whatever it finds"),
    (
        r"valomnia .*(?<!lastName=Nobody)$",
        "a page of Valomnia tells how many there are, which counts whatever it finds",
    ),
    (
        r"sort_by=(Email|Phone)|sort=(email|mobile|phone)&",
        "the index has the rows of other kinds too, which are passed over",
    ),
    (r"sort=address&", "a street has no index"),
)
"""(what the question has in it, why it may be slow)."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Attributes:
        text: says what is asked, for people and for `KNOWN`.
        path: with `{token}` in the place of the token that CRM.COM has there.
        slack: so many more blocks of a larger store are no growth; None where it is that of lists.
        counts: it tells how many there are too, by a statement of its own that counts whatever it finds, and which is
            left out.
    """

    text: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    slack: int | None = None
    counts: bool = False

    @property
    def reason(self) -> str | None:
        """Why it may be slow; None when it may not."""
        return next((reason for pattern, reason in KNOWN if re.search(pattern, self.text)), None)


class GraphQuestions:
    """Lists of the graph, made at random.

    Args:
        dice: decides.
        ids: what filters by id are given, see `Explained.ids`.
    """

    def __init__(self, dice: random.Random, ids: dict[str, tuple[str, str, str]]) -> None:
        self._dice = dice
        self._ids = ids
        self._schema: GraphQLSchema = build_schema((ROOT / "schema.graphql").read_text("utf-8"))

    def one(self) -> Question:
        """A question."""
        name = self._dice.choice(("contacts", "contacts", "accounts", "leads"))
        definition = self._schema.query_type.fields[name]  # type: ignore[union-attr]  # there are queries
        filter_ = get_named_type(definition.args["filter"].type)
        sort = get_named_type(definition.args["sort"].type)
        fields = list(get_named_type(sort.fields["field"].type).values)
        arguments = [f"first: {self._dice.choice((1, 20, 50))}", f"filter: {self._filter(filter_, 2)}"]
        if self._dice.random() < 0.8:
            direction = self._dice.choice(("ASC", "DESC"))
            arguments.append(f"sort: [{{field: {self._dice.choice(fields)}, direction: {direction}}}]")
        if "deleted: true" in arguments[1]:
            arguments = arguments[:2]
        total = " totalCount" if self._dice.random() < 0.05 else ""
        text = f"{{ {name}({', '.join(arguments)}) {{ nodes {{ id }} pageInfo {{ hasNextPage }}{total} }} }}"
        return Question(text, "POST", "/graphql", {"query": text})

    def _filter(self, type_: GraphQLInputObjectType, depth: int, without: Sequence[str] = ()) -> str:
        without = without if depth == 2 else (*without, "deleted")
        names = [name for name in type_.fields if name not in ("and", "or", "not", *without)]
        if depth and self._dice.random() < 0.25:
            word = self._dice.choice(("and", "or", "not"))
            inner = [self._filter(type_, depth - 1) for _ in range(2)]
            return f"{{{word}: {inner[0]}}}" if word == "not" else f"{{{word}: [{', '.join(inner)}]}}"
        chosen = self._dice.sample(names, self._dice.choice((1, 1, 2, 2, 3)))
        return "{" + ", ".join(f"{name}: {self._comparison(type_, name)}" for name in chosen) + "}"

    def _comparison(self, type_: GraphQLInputObjectType, name: str) -> str:
        input_ = get_named_type(type_.fields[name].type)
        if isinstance(input_, GraphQLEnumType):
            return f"[{self._dice.choice(list(input_.values))}]"
        if name == "search":
            return json.dumps(self._dice.choice(VALUES[name]))
        if not isinstance(input_, GraphQLInputObjectType):
            return self._dice.choice(("true", "true", "false"))
        if "and" in input_.fields:
            return self._filter(input_, 0, ("accountMatches", "anyContact"))
        match input_.name:
            case "AddressFilter":
                chosen = self._dice.sample([n for n in input_.fields if n != "active"], self._dice.choice((1, 2)))
                return "{" + ", ".join(f"{each}: {self._comparison(input_, each)}" for each in chosen) + "}"
            case "ExternalFilter":
                return f"{{dialect: ZOHO, value: {self._comparison(input_, 'value')}}}"
            case "BooleanFilter":
                return f"{{eq: {self._dice.choice(('true', 'true', 'false'))}}}"
        comparators = [each for each in input_.fields if each not in ("ago", "region")]
        seldom = ("contains", "isNull", "notIn")
        word = self._dice.choice([c for c in comparators for _ in range(1 if c in seldom else 4)])
        given = get_nullable_type(input_.fields[word].type)
        if word == "isNull":
            return f"{{isNull: {self._dice.choice(('true', 'false'))}}}"
        values = self._ids.get(name) or VALUES[name]
        value = self._dice.choice(values)
        if word == "startsWith":
            value = value[: self._dice.choice((2, 4))]
        quoted = json.dumps([value, self._dice.choice(values)] if isinstance(given, GraphQLList) else value)
        return f"{{{word}: {quoted}}}"


class ZohoQuestions:
    """Lists and searches of Zoho's dialect, made at random."""

    FIELDS: ClassVar[dict[str, str]] = {
        "Last_Name": "lastName",
        "First_Name": "firstName",
        "Email": "email",
        "Phone": "phone",
        "Mobile": "phone",
        "Mailing_City": "city",
        "City": "city",
        "Lead_Status": "status",
        "Company": "company",
        "Account_Name": "name",
        "Title": "jobTitle",
        "Created_Time": "createdAt",
        "Modified_Time": "updatedAt",
    }
    SORTS = ("id", "Last_Name", "First_Name", "Email", "Phone", "Created_Time", "Modified_Time", "Company")

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def one(self) -> Question:
        """A question."""
        module = self._dice.choice(("Contacts", "Leads"))
        named = {field.name for field in MODULES[module].fields.fields}
        match self._dice.choice(("list", "criteria", "criteria", "email", "phone", "deleted")):
            case "list":
                sort = self._dice.choice([name for name in self.SORTS if name == "id" or name in named])
                order = self._dice.choice(("asc", "desc"))
                page = self._dice.choice((1, 1, 2))
                path = f"/crm/v2/{module}?sort_by={sort}&sort_order={order}&page={page}&per_page=20"
            case "criteria":
                conditions = [self._condition(named) for _ in range(self._dice.choice((1, 2)))]
                word = self._dice.choice(("and", "or"))
                criteria = word.join(f"({each})" for each in conditions)
                path = f"/crm/v2/{module}/search?per_page=20&criteria=({criteria})"
            case "email":
                path = f"/crm/v2/{module}/search?per_page=20&email={self._dice.choice(VALUES['email'])}"
            case "phone":
                phone = self._dice.choice(VALUES["phone"]).replace("+", "%2B")
                path = f"/crm/v2/{module}/search?per_page=20&phone={phone}"
            case _:
                path = f"/crm/v2/{module}/deleted?per_page=20"
        return Question(f"zoho {path}", "GET", path)

    def _condition(self, named: set[str]) -> str:
        name = self._dice.choice(sorted(named & self.FIELDS.keys() - {"Account_Name"}))
        value = self._dice.choice(VALUES[self.FIELDS[name]])
        word = "equals"
        if not name.endswith("_Time") and name not in ("Phone", "Mobile"):
            word = self._dice.choice(("equals", "equals", "starts_with", "in"))
        return f"{name}:{word}:{value}"


def questions(seed: int, count: int, ids: dict[str, tuple[str, str, str]]) -> list[Question]:
    """So many questions, the same for the same seed."""
    dice = random.Random(seed)
    makers = (GraphQuestions(dice, ids), GraphQuestions(dice, ids), ZohoQuestions(dice))
    return [dice.choice(makers).one() for _ in range(count)]


def every_sort() -> list[Question]:
    """A page of every list of records in every order that it can have, from either end."""
    schema = build_schema((ROOT / "schema.graphql").read_text("utf-8"))
    found = []
    for name in ("contacts", "accounts", "leads"):
        sort = get_named_type(schema.query_type.fields[name].args["sort"].type)  # type: ignore[union-attr]  # it has them
        for each in get_named_type(sort.fields["field"].type).values:
            for direction in ("ASC", "DESC"):
                text = (
                    f"{{ {name}(first: 20, sort: [{{field: {each}, direction: {direction}}}]) {{ nodes {{ id }} }} }}"
                )
                found.append(Question(text, "POST", "/graphql", {"query": text}))
    return found


OTHERS = {
    "accountMatches": ('{segment: {eq: "SMB"}}', '{segment: {eq: "Government"}}', '{name: {eq: "Nobody"}}'),
    "anyContact": ('{category: {eq: "Regular"}}', '{category: {eq: "VIP"}}', '{lastName: {eq: "Nobody"}}'),
}
"""{field: what is asked of other records, which many, few and none of them have}."""


def every_filter(ids: dict[str, tuple[str, str, str]]) -> list[Question]:
    """A page of every list by every field of its filter by itself: what many have, what few have, what nobody has."""
    schema = build_schema((ROOT / "schema.graphql").read_text("utf-8"))
    found = []
    for name in ("contacts", "accounts", "leads"):
        filter_ = get_named_type(schema.query_type.fields[name].args["filter"].type)  # type: ignore[union-attr]  # as above
        for each in filter_.fields:
            if each not in ("and", "or", "not", "deleted"):
                for value in _comparisons(filter_, each, ids):
                    sort = "sort: [{field: CREATED_AT, direction: DESC}]"
                    text = f"{{ {name}(first: 20, filter: {{{each}: {value}}}, {sort}) {{ nodes {{ id }} }} }}"
                    found.append(Question(text, "POST", "/graphql", {"query": text}))
    return found


def _comparisons(type_: GraphQLInputObjectType, name: str, ids: dict[str, tuple[str, str, str]]) -> list[str]:
    """What a field of a filter is compared with."""
    input_ = get_named_type(type_.fields[name].type)
    if isinstance(input_, GraphQLEnumType):
        return [f"[{value}]" for value in input_.values]
    if name == "search":
        return [json.dumps(value) for value in VALUES[name]]
    if not isinstance(input_, GraphQLInputObjectType):
        return ["true"]
    if name in OTHERS:
        return list(OTHERS[name])
    match input_.name:
        case "AddressFilter":
            inner = ("city", "state", "postalCode", "country")
            return [f"{{{part}: {value}}}" for part in inner for value in _comparisons(input_, part, ids)]
        case "ExternalFilter":
            return [f"{{dialect: ZOHO, value: {value}}}" for value in _comparisons(input_, "value", ids)]
        case "BooleanFilter":
            return ["{eq: true}"]
        case "DateTimeFilter":
            return ['{ago: {from: "P1D"}}', '{ago: {to: "P1D"}}']
    return [f"{{eq: {json.dumps(value)}}}" for value in ids.get(name) or VALUES[name]]


SEARCHED = (
    "papadopoulos",
    "maria papadopoulos",
    "zyx",
    "nobody",
    "pap",
    "metropolis",
    "99123456",
    "CON1",
    "zyx@hamlet.example",
)
"""What people type into a search box: what many have, few and none; a beginning, a number, an email."""


def every_list(records: "Records") -> list[Question]:
    """A page of every other list: searches, the feed, choices, groups, lists of one record, those of Valomnia."""
    schema = build_schema((ROOT / "schema.graphql").read_text("utf-8"))
    asked = []
    for kinds in ("", ", kinds: [CONTACT]", ", kinds: [ACCOUNT, LEAD]"):
        asked += [
            f"search(text: {json.dumps(each)}{kinds}, first: 10) {{ nodes {{ __typename }} }}" for each in SEARCHED
        ]
    for given in (
        "",
        ", kinds: [LEAD]",
        ", doors: [ZOHO]",
        ", actions: [DELETED]",
        ", kinds: [ACCOUNT], actions: [MERGED]",
        f', ids: ["con_{records.contact}"]',
    ):
        asked += [f"changes(first: 20{given}) {{ nodes {{ at }} pageInfo {{ hasNextPage }} }}"]
    for kind, fields in CHOICES.items():
        asked += [f'choices(of: {kind.value}, field: "{_camel(field)}") {{ value }}' for field in fields]
    for kind in ("contact", "account", "lead"):
        for by in schema.type_map[f"{kind.capitalize()}Group"].values:  # type: ignore[attr-defined]  # an enum
            asked.append(f"{kind}Groups(by: [{by}], first: 10) {{ keys count }}")
        asked.append(f"duplicates(of: {kind.upper()}, first: 20) {{ nodes {{ likeness }} }}")
        asked.append(f"{kind}s(last: 20, sort: [{{field: CREATED_AT, direction: DESC}}]) {{ nodes {{ id }} }}")
    asked.append("users(first: 20) { nodes { id } }")
    asked.append("imports(first: 20) { nodes { id } }")
    hot = f'account(by: {{id: "acc_{records.hot_account}"}})'
    for of in (
        "contacts(first: 20)",
        "contacts(last: 20)",
        "contacts(first: 20, sort: [{field: LAST_NAME}])",
        'contacts(first: 20, filter: {lastName: {eq: "Zyx"}})',
        "history(first: 20)",
        "notes(first: 20)",
        "parts(first: 20)",
        "duplicates(first: 20)",
    ):
        asked.append(f"{hot} {{ {of} {{ nodes {{ __typename }} }} }}")
    found = [Question(f"{{ {each} }}", "POST", "/graphql", {"query": f"{{ {each} }}"}) for each in asked]
    for given in ("", *(f"&sort={name}&order={order}" for name in VALOMNIA_SORTS for order in ("asc", "desc"))):
        path = f"/api/v2.1/contacts?max=20{given}"
        found.append(Question(f"valomnia {path}", "GET", path, counts=True))
    for given in ("lastName=Papadopoulos", "lastName=Zyx", "lastName=Nobody", "lastUpdated_gt=2999-01-01"):
        path = f"/api/v2.1/contacts?max=20&{given}"
        found.append(Question(f"valomnia {path}", "GET", path, counts=True))
    return found


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


ONE_RECORD = 200
"""How many more blocks of a larger store one record may take: the depth of some indexes."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records to be asked for one by one: ids of ours, and what Zoho calls one."""

    contact: int
    hot_account: int
    lead: int
    called: str


def every_record(records: Records) -> list[Question]:
    """One record by each of its names, at each door that shows one."""
    found = []
    for module, named in (
        ("Contacts", str(records.contact)),
        ("Contacts", records.called),
        ("Accounts", str(records.hot_account)),
        ("Leads", str(records.lead)),
    ):
        path = f"/crm/v2/{module}/{named}"
        found.append(Question(f"zoho {path}", "GET", path, slack=ONE_RECORD))
    for own in (records.contact, records.hot_account):
        named = f"contact_information_identifier=id={own:032X}"
        path = f"/crmapi/rest/v2/contact_information/show?token={{token}}&{named}"
        found.append(Question(f"crmcom show {named}", "GET", path, slack=ONE_RECORD))
    for named in (
        "email_address=zyx@hamlet.example",
        "phone_number=%2B35422123456",
        "id_number=none",
        "vat_registration_number=1",
    ):
        path = f"/crmapi/rest/v2/contact_information/list?token={{token}}&{named}"
        found.append(Question(f"crmcom list {named}", "GET", path))
    rows = "emails { address } phones { raw } addresses { city } account { name } history(first: 5) { nodes { at } }"
    for by in (
        f'id: "con_{records.contact}"',
        f'external: {{dialect: ZOHO, value: "{records.called}"}}',
        'email: "zyx@hamlet.example"',
        'number: "CON1"',
    ):
        text = f"{{ contact(by: {{{by}}}) {{ id {rows} }} }}"
        found.append(Question(text, "POST", "/graphql", {"query": text}, slack=ONE_RECORD))
    return found
