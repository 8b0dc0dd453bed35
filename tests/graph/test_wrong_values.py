"""Each field of each mutation is given something wrong: all of it is told at once, at its place, with a code and facts,
in a message that names it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedInputType,
    GraphQLNonNull,
    get_named_type,
)

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.schema import schema
from tests.graph.conftest import Caller, put, signed_up

FACTS = """userErrors { __typename code path message ... on RangeError { limitLength least most }
  ... on ChoiceError { choices } ... on StaleError { current } }"""
MUTATIONS = schema.graphql_core.mutation_type.fields  # type: ignore[union-attr]  # there are some

SECRETS = {
    "login", "refreshSession", "confirmSignup", "confirmEmail", "requestPasswordReset", "resetPassword",
    "changePassword",
}  # fmt: skip
"""What tells as little as it can; `tests/test_identity.py` and its like have what it tells."""
FILES = {"uploadPhoto", "createImport"}

TEXT = {
    "String": ("a\0b", "BAD_CHARACTERS"),
    "EmailAddress": ("a\0b", "BAD_CHARACTERS"),
    "CountryCode": ("a\0b", "BAD_CHARACTERS"),
    "Decimal": ("1e30", "OUT_OF_RANGE"),
    "BigInt": (-1, "OUT_OF_RANGE"),
    "Date": ("2026-13-45", "NOT_A_DATE"),
    "ID": ("a\0b", "NOT_FOUND"),
    "Int": (0, "NOT_A_DATE"),
}
OTHER = {
    "String": ("x" * 1_001, "TOO_LONG"),
    "EmailAddress": ("nobody", "NOT_AN_EMAIL"),
    "CountryCode": ("Holland", "NOT_A_COUNTRY"),
    "Decimal": ("0.123456789", "TOO_LONG"),
    "BigInt": (2**60, "OUT_OF_RANGE"),
    "Date": ("x", "NOT_A_DATE"),
    "ID": ("pho_1000000001", "NOT_FOUND"),
    "Int": (99_999, "NOT_A_DATE"),
}
FREE = {"description", "content", "notes", "street"}
"""Texts of several lines."""
CODES = {
    "ifRevision": "STALE",
    "take.0.field": "CHOOSE_ONE",
    "columns.0.target": "INVALID",
    "answers.0.option": "INVALID",
    "excel": "CONFLICTING",
}
"""{the end of a path: the code}, where it goes by the field and not by its type."""
OWN = [
    {"password": "PASSWORD_TOO_SHORT"},
    {"password": "PASSWORD_TOO_COMMON"},
]
"""The same, of the first values and of the second."""
UNTOLD = {
    "changeEmail": {"currentPassword"},  # staff give none
    "unmerge": {"ifRevision"},  # of what is not there
    "restore": {"ifRevision"},
    "deleteNote": {"ifRevision"},
    "startImport": {"acceptRefused"},
    "mergeContacts": {"ifRevisions.0.revision"},
    "mergeAccounts": {"ifRevisions.0.revision"},
    "mergeLeads": {"ifRevisions.0.revision"},
    "updateImport": {"import", "answers.0.answer"},  # an import is not looked for where options are wrong
}  # fmt: skip
"""{mutation: the ends of paths of which nothing is told beside the rest}."""
BESIDE = {"restore": ("record", "NOT_FOUND"), "unconvertLead": ("lead", "CONFLICTING")}
"""{mutation: what is wrong with the record that is named}."""


def wrong(type_: GraphQLInputType, values: Mapping[str, tuple[Any, str]], refs: Mapping[str, Any]) -> Any:
    """A value of a type with something wrong in each of its fields, but those that say which record is meant."""
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(inner, GraphQLList):
        return [wrong(inner.of_type, values, refs)]
    if isinstance(inner, GraphQLEnumType):
        return next(iter(inner.values))
    if not isinstance(inner, GraphQLInputObjectType):
        return True if inner.name == "Boolean" else values[inner.name][0]
    if inner.name in refs:
        return refs[inner.name]
    given = {}
    for name, field in inner.fields.items():
        of = get_named_type(field.type)
        is_open = isinstance(field.type, GraphQLNonNull) or not (
            isinstance(of, GraphQLEnumType) or of.name == "Boolean"
        )
        if is_open and not of.name.endswith("Filter"):
            long = name in FREE and values is OTHER
            given[name] = "x" * 32_001 if long else wrong(field.type, values, refs)
    if inner.name == "RemovePhotoInput":
        given = {name: given[name] for name in ("contact", "ifRevision")}
    return given


def leaves(value: Any, type_: GraphQLInputType, at: tuple[str, ...]) -> Iterator[tuple[str, GraphQLNamedInputType]]:
    """(path, type) of whatever is wrong in a value."""
    inner: Any = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(inner, GraphQLList):
        for i, each in enumerate(value):
            yield from leaves(each, inner.of_type, (*at, str(i)))
    elif isinstance(inner, GraphQLInputObjectType) and not (inner.name.endswith("Ref") and inner.name != "ExternalRef"):
        for name, each in value.items():
            yield from leaves(each, inner.fields[name].type, (*at, name))
    elif not isinstance(inner, GraphQLInputObjectType | GraphQLEnumType) and inner.name != "Boolean":
        yield ".".join(at), inner


@pytest.fixture
async def refs(core: Core, nobody: Caller) -> list[dict[str, Any]]:
    """Two of each record, by the input that names one."""
    found: list[dict[str, Any]] = [{}, {}]
    named = {PartyKind.CONTACT: "last_name", PartyKind.ACCOUNT: "name", PartyKind.LEAD: "last_name"}
    for kind, name in named.items():
        for i, own in enumerate(await put(core, kind, {name: "One"}, {name: "Two"})):
            found[i][f"{kind.value.title()}Ref"] = {"id": f"{kind.value[:3].lower()}_{own}"}
    for each in found:
        each["RecordRef"] = {"contact": each["ContactRef"]}
    return found


async def told(caller: Caller, name: str, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """{path: what is told} of an input that changes nothing."""
    type_ = MUTATIONS[name].args["input"].type
    fields: Any = get_named_type(MUTATIONS[name].type)
    results = f"results {{ {FACTS} }}" if "results" in fields.fields else ""
    query = f"mutation($i: {type_}) {{ {name}(input: $i) {{ {FACTS} {results} }} }}"
    body = (await caller.post(query, {"i": given})).json()
    assert "errors" not in body, (name, body)
    payload = body["data"][name]
    every = [error for each in (payload, *payload.get("results", ())) for error in each["userErrors"]]
    found = {".".join(error["path"]): error for error in every}
    assert len(found) == len(every), (name, "a place is told twice")
    for path, error in found.items():
        place = path.partition(".")[2]
        assert error["message"].startswith(f"`{place}` ") or "`" not in error["message"].split(":")[0], error
        facts = {key: value for key, value in error.items() if key not in ("__typename", "code", "path", "message")}
        is_bounded = error["code"] in ("TOO_LONG", "OUT_OF_RANGE", "PASSWORD_TOO_SHORT", "CHOOSE_ONE", "STALE")
        assert any(value not in (None, []) for value in facts.values()) or not is_bounded, error
    return found


def bulk(name: str, given: dict[str, Any], values: Any, refs: Any) -> dict[str, Any]:
    """The input of a bulk write with an item of each kind."""
    item: Any = get_named_type(MUTATIONS[name].args["input"].type)
    of: Any = get_named_type(item.fields["items"].type)
    verbs = {verb: field for verb, field in of.fields.items() if verb != "delete"}
    return given | {"items": [{verb: wrong(field.type, values, refs)} for verb, field in verbs.items()]}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("values", [TEXT, OTHER], ids=["characters", "forms"])
async def test_every_field_that_is_wrong_is_told(
    values: dict[str, tuple[Any, str]], admin: Caller, nobody: Caller, refs: list[dict[str, Any]]
) -> None:
    one, two = refs
    customer = await signed_up(nobody, "customer@example.com")
    tried, differing = 0, {}
    for name in MUTATIONS.keys() - SECRETS - FILES - {"logout"}:
        type_ = MUTATIONS[name].args["input"].type
        given = wrong(type_, values, one)
        if name.startswith("bulk"):
            given = bulk(name, given, values, one)
        elif name.startswith("merge"):
            merging: Any = get_named_type(type_)
            given["from"] = [two[merging.fields["into"].type.of_type.name]]
        elif name == "exportRecords":
            given["excel"] = True
        caller = {"updateProfile": customer, "signup": nobody}.get(name, admin)
        expected = {}
        for path, leaf in leaves(given, type_, ("input",)):
            if ".externalIds.remove." in path:
                continue  # what it was not called changes nothing
            if any(path.endswith(f".{end}") for end in UNTOLD.get(name, ())):
                continue
            ends = (code for end, code in (CODES | OWN[values is OTHER]).items() if path.endswith(f".{end}"))
            expected[path] = next(ends, values[leaf.name][1])
        if name == "exportRecords":
            expected["input.excel"] = "CONFLICTING"
        if name in BESIDE:
            place, code = BESIDE[name]
            expected[f"input.{place}"] = code
        found = await told(caller, name, given)
        codes = {path: error["code"] for path, error in found.items()}
        if codes != expected:
            differing[name] = sorted(codes.items() ^ expected.items())
        tried += len(expected)
    assert differing == {}
    assert tried > 500


def of_no_type(type_: GraphQLInputType, at: tuple[str, ...]) -> tuple[Any, list[str]]:
    """A value of which nothing is of its type, and the paths of what is wrong with it."""
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(inner, GraphQLList):
        value, paths = of_no_type(inner.of_type, (*at, "0"))
        return [value], paths
    if not isinstance(inner, GraphQLInputObjectType):
        return {"of": "no type"}, [".".join(at)]
    given, found = {}, []
    fields = dict(list(inner.fields.items())[:1]) if inner.is_one_of else inner.fields
    for name, field in fields.items():
        of = get_named_type(field.type).name
        if of.endswith("Filter") or of in ("BigInt", "Date", "Decimal"):
            continue  # whose form is told with everything else that is wrong with a value
        given[name], paths = of_no_type(field.type, (*at, name))
        found += paths
    return given, found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_every_value_of_no_type_is_told(admin: Caller) -> None:
    """At the top, twenty of them at most, with the place from the argument down."""
    tried = 0
    for name in MUTATIONS.keys() - FILES - {"logout"}:
        given, paths = of_no_type(MUTATIONS[name].args["input"].type, ("input",))
        query = f"mutation($i: {MUTATIONS[name].args['input'].type}) {{ {name}(input: $i) {{ __typename }} }}"
        errors = (await admin.post(query, {"i": given})).json()["errors"]
        if len(paths) > 20:
            assert errors.pop() == {"message": "There are more errors.", "extensions": {"code": "MORE_ERRORS"}}
        told = [".".join(error["extensions"]["inputPath"]) for error in errors]
        assert told == paths[:20], name
        for error, path in zip(errors, told, strict=True):
            assert error["message"].startswith(f"`{path}` ") and error["locations"], error
            assert error["extensions"]["code"] == "BAD_USER_INPUT" and error["extensions"]["variable"] == "i", error
            assert error["extensions"]["reason"] in ("INVALID", "CHOOSE_ONE", "NOT_A_NUMBER", "NOT_A_DATE"), error
        tried += len(told)
    assert tried > 350


NAMELESS: list[tuple[dict[str, Any], str, str]] = [
    ({"id": "nobody"}, "", "NOT_FOUND"),
    ({"id": "usr_1000000001"}, "", "NOT_FOUND"),
    ({"number": "a\0b"}, "", "NOT_FOUND"),
    ({"email": " "}, "", "NOT_FOUND"),
    ({"external": {"dialect": "ZOHO", "value": "x\0"}}, "", "NOT_FOUND"),
    ({"external": {"system": "erp", "dialect": "ZOHO", "value": "1"}}, ".external", "CHOOSE_ONE"),
    ({"external": {"dialect": "ZOHO", "space": "user", "value": "1"}}, ".external.space", "CONFLICTING"),
]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_reference_that_names_nothing_is_told_with_the_rest(
    admin: Caller, refs: list[dict[str, Any]], core: Core
) -> None:
    bad = "a\0b"
    one = refs[0]
    for by, place, code in NAMELESS:
        inputs: dict[str, tuple[dict[str, Any], str, set[str]]] = {
            "updateContact": ({"contact": by, "lastName": bad, "owner": "usr_1"}, "contact", {"lastName", "owner"}),
            "upsertLead": ({"by": by, "values": {"lastName": bad, "owner": "usr_1"}}, "by", {"lastName", "owner"}),
            "bulkAccounts": ({"items": [{"update": {"account": by, "name": bad}}]}, "account", {"name"}),
            "deleteLead": ({"lead": by}, "lead", set()),
            "convertLead": ({"lead": one["LeadRef"], "contact": by, "owner": "usr_1"}, "contact", {"owner"}),
            "mergeContacts": ({"into": one["ContactRef"], "from": [by]}, "from.0", set()),
            "createNote": ({"on": {"lead": by}, "content": bad}, "on", {"content"}),
            "restore": ({"record": {"account": by}}, "record", set()),
            "removePhoto": ({"account": by}, "account", set()),
        }
        for name, (given, at, others) in inputs.items():
            if name == "upsertLead" and ("email" in by or "number" in by):
                continue  # it makes a lead that is called so
            found = await told(admin, name, given)
            within = {"createNote": ".lead", "restore": ".account"}.get(name, "") if place else ""
            prefix = {"bulkAccounts": "input.items.0.update.", "upsertLead": "input.values."}.get(name, "input.")
            named = f"{'input.' if name == 'upsertLead' else prefix}{at}{within}{place}"
            codes = {path: error["code"] for path, error in found.items()}
            assert codes.pop(named, None) == code, (name, by, codes)
            assert codes.keys() == {prefix + other for other in others}, (name, by, codes)
