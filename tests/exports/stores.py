"""Stores made at random, from the inputs of the schema: whatever it takes comes up."""

from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)
from hypothesis import strategies as st

from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.schema import schema

LINE = st.one_of(
    st.sampled_from(
        [
            "=1+1",
            "+49",
            "-",
            "@x",
            "'=x",
            "NULL",
            "N/A",
            "0123",
            "1e5",
            "true",
            "Ünïcödé",
            "日本語",
            "\ufeffBOM",
            "a;b,c\td",
        ]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Co", "Cn")), min_size=1, max_size=12),
)
LINES = st.one_of(LINE, st.sampled_from(["two\nlines", 'quoted "so"\n\nand on', " outer blanks "]))
_SEVERAL = frozenset({"description", "notes", "street", "content"})
_REFERENCES = {"account": PartyKind.ACCOUNT, "parent": PartyKind.ACCOUNT, "reportsTo": PartyKind.CONTACT}
_LEFT_OUT = frozenset({"owner", "externalIds", "primaryContact", "number", "lockedBy", "approval", "birthDate"})
"""What others than these strategies give, or what keeps a record from being changed."""
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Boolean": st.booleans(),
    "BigInt": st.integers(0, 2**53 - 1),
    "Decimal": st.decimals(-(10**15) + 1, 10**15 - 1, places=4).map(str),
    "Date": st.dates().map(str),
    "CountryCode": st.sampled_from(["DE", "FR", "XK", "US"]),
    "EmailAddress": st.integers(0, 10**6).map(lambda n: f"person{n}@example.com"),
}


@dataclass(frozen=True)
class Made:
    """A record to be made.

    Attributes:
        refers: {field: the index of the other record among those of its kind}.
        notes: {title, content} of each.
        relations: (kind, the index of a contact or None, the identifier) of each.
        ends: what becomes of it: it is deleted, or a lead is converted.
    """

    kind: PartyKind
    values: dict[str, Any]
    refers: dict[str, int] = field(default_factory=dict)
    owner: int = 0
    notes: tuple[dict[str, Any], ...] = ()
    relations: tuple[tuple[str, int | None, dict[str, str]], ...] = ()
    kept: dict[str, Any] = field(default_factory=dict)
    photo: bool = False
    ends: str = ""


def _of(name: str, type_: Any) -> st.SearchStrategy[Any]:
    """The values of a field of an input."""
    named = get_named_type(type_)
    if is_list_type(get_nullable_type(type_)):
        return st.lists(_one(name, named), min_size=1, max_size=2)
    return _one(name, named)


def _one(name: str, named: Any) -> st.SearchStrategy[Any]:
    if isinstance(named, GraphQLInputObjectType):
        return _object(named)
    if isinstance(named, GraphQLEnumType):
        return st.sampled_from(sorted(named.values))
    if name == "raw":
        return st.from_regex(r"\+49 30 9[0-9]{6}", fullmatch=True) | LINE
    return _SCALARS.get(named.name, LINES if name in _SEVERAL else LINE)


def _object(type_: GraphQLInputObjectType) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: each for name, each in type_.fields.items() if name not in _LEFT_OUT | _REFERENCES.keys()}
    needed = {name: _of(name, each.type) for name, each in fields.items() if is_non_null_type(each.type)}
    others = {name: _of(name, each.type) for name, each in fields.items() if not is_non_null_type(each.type)}
    return st.fixed_dictionaries(needed, optional=others)


def _records(kind: PartyKind) -> st.SearchStrategy[Made]:
    input_: Any = schema.graphql_core.type_map[f"Create{kind.value.title()}Input"]
    name = "name" if kind is PartyKind.ACCOUNT else "lastName"
    refers = {each: st.integers(0, 5) for each in _REFERENCES if each in input_.fields}
    notes = st.fixed_dictionaries({"content": LINES}, optional={"title": LINE})
    relation = st.tuples(LINE, st.none() | st.integers(0, 5), st.dictionaries(st.sampled_from(["a", "b"]), LINE))
    values = st.builds(lambda found, called: {**found, name: called}, _object(input_), LINE)
    return st.builds(
        Made,
        st.just(kind),
        values,
        st.fixed_dictionaries({}, optional=refers),
        st.integers(0, 1),
        st.lists(notes, max_size=2).map(tuple),
        st.lists(relation, max_size=2).map(tuple) if kind is not PartyKind.LEAD else st.just(()),
        st.dictionaries(st.sampled_from(["Field", "Größe"]), LINE | st.integers(0, 9) | st.lists(LINE, max_size=2)),
        st.booleans(),
        st.sampled_from(["", "", "", "deleted", *(["converted"] if kind is PartyKind.LEAD else [])]),
    )


STORES = st.tuples(
    *(
        st.lists(_records(kind), min_size=1, max_size=3)
        for kind in (PartyKind.ACCOUNT, PartyKind.CONTACT, PartyKind.LEAD)
    )
).map(lambda kinds: [each for made in kinds for each in made])
"""Records in the order in which they can be made."""
