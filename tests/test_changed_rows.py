"""What of a row counts as changed, and which of its keys follow."""

from typing import Any

import pytest

from crmgraph.crm.models import Account, Contact, Lead
from crmgraph.crm.records.keys import derive, keys_of
from crmgraph.crm.records.rows import before_of, changed_columns, fresh, put, settle

_TEXTS = ("number", "first_name", "middle_name", "last_name", "name", "company", "job_title", "department", "industry")


def _row(model: Any, **values: Any) -> Any:
    values = {"number": "N1", "revision": 1, **values}
    return fresh(model, {"id": 1, **values, **keys_of(model, values)})


def test_a_row_counts_as_changed_by_what_it_held_first() -> None:
    row = _row(Contact, first_name="Ann", last_name="Ray")
    put(row, "first_name", "Bea")
    put(row, "first_name", "Cleo")
    assert (row.first_name, changed_columns(row), before_of(row)) == ("Cleo", ("first_name",), {"first_name": "Ann"})
    put(row, "first_name", "Ann")
    assert changed_columns(row) == ()
    put(row, "last_name", "Roe")
    settle(row)
    assert (row.last_name, changed_columns(row)) == ("Roe", ())


@pytest.mark.parametrize("model", [Contact, Account, Lead])
def test_a_column_that_changes_brings_the_same_keys_as_all_of_them(model: Any) -> None:
    names = [name for name in _TEXTS if name in model.__table__.c]
    assert len(names) > 1
    for name in names:
        named = {"name" if model is Account else "last_name": "Ray"}
        one, all_ = _row(model, **named), _row(model, **named)
        for row in (one, all_):
            put(row, name, "Ödön 7")
        derive(one, {name})
        derive(all_)
        assert {key: value for key, value in vars(one).items() if key.endswith("_key")} == {
            key: value for key, value in vars(all_).items() if key.endswith("_key")
        }, name
