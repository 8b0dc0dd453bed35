"""Two answers are compared field by field, after what may differ between any two has been left out."""

from typing import Any

import orjson
import pytest

from crmgraph.crm.models import DifferenceSort
from crmgraph.dialects import covalense, crmcom, valomnia, zoho
from crmgraph.rest.comparing import Comparing
from crmgraph.upstream.compare import MOST, ComparedAnswer, Comparison, is_like

RULES = Comparing(
    ignored=("token", "**.secret"),
    keys=("**.photo",),
    links=("**.href",),
    seconds=("log.*_date",),
    headers=frozenset({"expires"}),
)
ORIGINS = ("https://old.example", "https://crm.example")
VALUE, TYPE, MISSING, EXTRA, ORDER = DifferenceSort


def told(body: Any, status: int = 200, *headers: tuple[str, str]) -> ComparedAnswer:
    pairs = [(name.encode(), value.encode()) for name, value in headers]
    return ComparedAnswer(status, pairs, body if isinstance(body, bytes) else orjson.dumps(body))


def found(control: Any, candidate: Any, rules: Comparing = RULES) -> list[tuple[str, DifferenceSort, str | None]]:
    """(field, how, record) of each difference."""
    each = [one if isinstance(one, ComparedAnswer) else told(one) for one in (control, candidate)]
    return [(d.field, d.sort, d.record) for d in Comparison(rules, ORIGINS).differences(*each)]


def row(own: int, **values: Any) -> dict[str, Any]:
    return {"id": own, **values}


@pytest.mark.parametrize(
    ("control", "candidate", "differences"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", VALUE, None)]),
        ({"a": 1}, {"a": "1"}, [("a", TYPE, None)]),
        ({"a": 1}, {"a": 1.0}, [("a", TYPE, None)]),
        ({"a": True}, {"a": 1}, [("a", TYPE, None)]),
        ({"a": None}, {"a": ""}, [("a", TYPE, None)]),
        ({"a": None}, {}, [("a", MISSING, None)]),
        ({}, {"a": 0}, [("a", EXTRA, None)]),
        ({"id": 7, "a": {"b": 1}}, {"id": 7, "a": {"b": 2}}, [("a.b", VALUE, "7")]),
        ({"l": [1, 2]}, {"l": [2, 1]}, [("l[]", VALUE, None), ("l[]", VALUE, None)]),
        ({"l": [1, 2]}, {"l": [1]}, [("l[]", MISSING, None)]),
        ([row(1, a=1), row(2, a=1)], [row(2, a=1), row(1, a=1)], [("[]", ORDER, "1")]),
        ([row(1, a=1), row(2, a=1)], [row(1, a=1), row(2, a=3)], [("[].a", VALUE, "2")]),
        ([row(1), row(2), row(3)], [row(1), row(3)], [("[]", MISSING, "2")]),
        ([row(1), row(3)], [row(1), row(2), row(3)], [("[]", EXTRA, "2")]),
        # No ids in common: other ids, of the same rows.
        ([row(1, a=1)], [row(9, a=1)], [("[].id", VALUE, "1")]),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 3}], [("[].a", VALUE, None)]),
        (b"<html>", b"<htm>", [("(body)", VALUE, None)]),
        (b"", {"a": 1}, [("(body)", TYPE, None)]),
        (b'{"a": [1,', b'{"a": [1]}', [("(body)", TYPE, None)]),
        ({"token": 1}, {"token": 2}, []),
        ({"token": 1}, {}, []),
        ({"a": {"secret": 1}, "secret": 1}, {"a": {"secret": 2}}, []),
        ({"photo": "https://a/1"}, {"photo": "https://b/2"}, []),
        ({"photo": "https://a/1"}, {"photo": None}, [("photo", TYPE, None)]),
        ({"href": "https://a/x?y=1"}, {"href": "/x?y=1"}, []),
        ({"href": "https://a/x?y=1"}, {"href": "/x?y=2"}, [("href", VALUE, None)]),
        ({"at": "https://old.example/x"}, {"at": "https://crm.example/x"}, []),
        ({"at": "https://old.example/x"}, {"at": "https://crm.example/y"}, [("at", VALUE, None)]),
        ({"log": {"up_date": "2026-01-01T10:00:00.123"}}, {"log": {"up_date": "2026-01-01T10:00:00"}}, []),
        ({"log": {"a_date": "10:00:01"}}, {"log": {"a_date": "10:00:00"}}, [("log.a_date", VALUE, None)]),
    ],
)
def test_each_field_that_differs_is_named(control: Any, candidate: Any, differences: list[Any]) -> None:
    assert found(control, candidate) == differences


def test_status_and_headers_differ_too_but_for_those_of_the_transport() -> None:
    json = "application/json; charset=UTF-8"
    control = told({}, 200, ("Date", "x"), ("X-Old", "1"), ("Content-Type", json), ("Expires", "1"))
    candidate = told({}, 404, ("X-New", "1"), ("content-type", "application/json;charset=utf-8"))
    assert found(control, candidate) == [
        ("(status)", VALUE, None),
        ("header x-new", EXTRA, None),
        ("header x-old", MISSING, None),
    ]
    twice = told({}, 200, ("X", "1"), ("X", "2"))
    assert found(twice, told({}, 200, ("X", "1"))) == [("header x", VALUE, None)]


def test_what_is_told_of_one_answer_is_bounded_in_number_and_depth() -> None:
    assert len(found({str(n): n for n in range(MOST + 50)}, {})) == MOST
    ((field, sort, _),) = found(told(b"[" * 900 + b"]" * 900), told(b"[" * 900 + b"1" + b"]" * 900))
    assert (field, sort) == ("[]" * 40, VALUE)


def test_patterns_of_fields() -> None:
    assert is_like("data[].Owner.name", "data[].Owner.name")
    assert is_like("data[].*", "data[].City") and not is_like("data[].*", "data[].Owner.name")
    assert is_like("**.name", "data[].Owner.name") and is_like("**.name", "name")
    assert not is_like("**.name", "data[].surname")
    assert is_like("header *", "header x-frame-options")
    assert not is_like("data[].City", "data[]xCity")


def test_each_dialect_says_of_an_answer_whether_it_refuses_whoever_asks_and_whether_it_knows_the_path() -> None:
    for each in (zoho, valomnia, covalense):
        assert each.COMPARING.refuses(401, {}) and not each.COMPARING.refuses(404, {})
    refused = {"status": {"code": "COM.CRM.EXCEPTION.SECURITY.INVALIDTOKENEXCEPTION"}}
    absent = {"status": {"code": "COM.CRM.EXCEPTION.WEBAPI.METHODNOTFOUNDEXCEPTION"}}
    assert crmcom.COMPARING.refuses(200, refused) and not crmcom.COMPARING.refuses(200, absent)
    assert crmcom.COMPARING.lacks(200, absent) and crmcom.COMPARING.outcome(200, {"status": {"code": "OK"}}) == "OK"
    assert zoho.COMPARING.lacks(400, {"code": "INVALID_MODULE"}) and not zoho.COMPARING.lacks(200, [])
