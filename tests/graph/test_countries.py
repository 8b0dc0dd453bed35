"""The countries of addresses: a code, a name, or both."""

from typing import Any

import pytest

from tests.graph.conftest import Caller

CREATE = """mutation($i: CreateContactInput!) { createContact(input: $i) {
  contact { id addresses { id country countryName } } userErrors { code message path } } }"""
UPDATE = """mutation($i: UpdateContactInput!) { updateContact(input: $i) {
  contact { addresses { country countryName } } userErrors { code message path } } }"""


async def made(staff: Caller, **address: Any) -> dict[str, Any]:
    given = {"lastName": "Ray", "addresses": {"add": [{"kind": "HOME"} | address]}}
    return dict((await staff(CREATE, i=given))["createContact"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"country": "NL"}, ("NL", "Netherlands")),
        ({"country": "nld"}, ("NL", "Netherlands")),
        ({"country": "XK"}, ("XK", "Kosovo")),
        ({"countryName": "The Netherlands"}, ("NL", "The Netherlands")),
        ({"countryName": "Côte d’Ivoire"}, ("CI", "Côte d’Ivoire")),
        ({"countryName": "Kosovo"}, ("XK", "Kosovo")),
        ({"country": "NL", "countryName": "Nederland"}, ("NL", "Nederland")),
        ({"country": "NL", "countryName": "Oranjeland"}, ("NL", "Oranjeland")),
        ({"country": "NL", "countryName": None}, ("NL", "Netherlands")),
        ({"country": "NL", "countryName": " "}, ("NL", "Netherlands")),
        ({"country": None, "countryName": "Deutschland"}, ("DE", "Deutschland")),
        ({"countryName": "Freedonia"}, (None, "Freedonia")),
        ({"country": None, "countryName": None}, (None, None)),
    ],
)
async def test_a_new_address_has_a_code_where_one_is_known(
    agent: Caller, given: dict[str, Any], kept: tuple[str | None, str | None]
) -> None:
    payload = await made(agent, **given)
    assert payload["userErrors"] == []
    (address,) = payload["contact"]["addresses"]
    assert (address["country"], address["countryName"]) == kept


@pytest.mark.parametrize(
    ("before", "given", "kept"),
    [
        ({"country": "NL"}, {"countryName": "Nederland"}, ("NL", "Nederland")),
        ({"country": "NL"}, {"countryName": "Oranjeland"}, ("NL", "Oranjeland")),
        ({"country": "NL"}, {"countryName": None}, ("NL", "Netherlands")),
        ({"country": "NL"}, {"countryName": "Deutschland"}, ("DE", "Deutschland")),
        ({"country": "NL"}, {"country": "DE"}, ("DE", "Germany")),
        ({"countryName": "Nederland"}, {"country": "NL"}, ("NL", "Nederland")),
        ({"countryName": "Nederland"}, {"country": "DE"}, ("DE", "Germany")),
        ({"countryName": "Nederland"}, {"country": None}, (None, None)),
        ({"countryName": "Freedonia"}, {"country": "NL"}, ("NL", "Netherlands")),
        ({"countryName": "Freedonia"}, {"country": "NL", "countryName": "Freedonia"}, ("NL", "Freedonia")),
        ({"country": "NL"}, {"country": None, "countryName": "Freedonia"}, (None, "Freedonia")),
        ({"country": "NL"}, {"country": None, "countryName": None}, (None, None)),
    ],
)
async def test_a_code_stays_until_another_country_is_said(
    agent: Caller, before: dict[str, Any], given: dict[str, Any], kept: tuple[str | None, str | None]
) -> None:
    contact = (await made(agent, **before))["contact"]
    edit = {"update": [{"id": contact["addresses"][0]["id"]} | given]}
    payload = (await agent(UPDATE, i={"contact": {"id": contact["id"]}, "addresses": edit}))["updateContact"]
    assert payload["userErrors"] == []
    (address,) = payload["contact"]["addresses"]
    assert (address["country"], address["countryName"]) == kept


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"country": "Germany"}, "country", "write DE, or put the name into `countryName`."),
        ({"country": "Deutschland"}, "country", "write DE, or put the name into `countryName`."),
        ({"country": "Freedonia"}, "country", "e.g. DE, or put the name into `countryName`."),
        ({"country": "ZZ"}, "country", "e.g. DE, or put the name into `countryName`."),
    ],
)
async def test_a_name_is_no_code(agent: Caller, given: dict[str, Any], field: str, message: str) -> None:
    payload = await made(agent, **given)
    assert payload == {
        "contact": None,
        "userErrors": [
            {
                "code": "NOT_A_COUNTRY",
                "message": f"`addresses.add.0.{field}` is no code of ISO 3166-1: {message}",
                "path": ["input", "addresses", "add", "0", field],
            }
        ],
    }


async def test_a_code_and_the_name_of_another_country_are_refused(agent: Caller) -> None:
    payload = await made(agent, country="NL", countryName="Germany")
    assert payload["contact"] is None
    (error,) = payload["userErrors"]
    assert (error["code"], error["path"]) == ("CONFLICTING", ["input", "addresses", "add", "0", "countryName"])


@pytest.mark.parametrize(("code", "write"), [("Germany", "write DE"), ("Freedonia", "e.g. DE"), ("ZZ", "e.g. DE")])
@pytest.mark.parametrize("op", ["eq", "in"])
async def test_a_filter_takes_codes_alone(agent: Caller, code: str, write: str, op: str) -> None:
    given = {"country": {op: ["DE", code] if op == "in" else code}}
    plain = "query($f: ContactFilter) { contacts(filter: $f) { nodes { id } } }"
    # A fragment on an interface is not compiled: the other way to answer says the same.
    other = "query($f: ContactFilter) { contacts(filter: $f) { nodes { ... on Node { ... on Record { id } } } } }"
    told = [(await agent.post(query, {"f": given})).content for query in (plain, other)]
    assert told[0] == told[1]
    place = "filter.country.in.1" if op == "in" else "filter.country.eq"
    message = f"`{place}` is no code of ISO 3166-1: {write}."
    assert await agent.errors(plain, f=given) == [("BAD_USER_INPUT", message)]
