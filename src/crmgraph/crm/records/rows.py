"""One row apart from any session: made with its defaults, and what has changed of it since it was read."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy.orm.attributes import instance_state

from crmgraph.crm.query import snapshots


def fresh(model: Any, values: Mapping[str, Any]) -> Any:
    """A row that belongs to no session, with the defaults of its columns."""
    constant, made = _defaults(model)
    return snapshots.instance(model, {**constant, **{name: make(None) for name, make in made}, **values})


@cache
def _defaults(model: Any) -> tuple[dict[str, Any], tuple[tuple[str, Any], ...]]:
    """The defaults of all columns of a model: values, and what makes one anew for each row."""
    defaults = {column.key: column.default for column in model.__table__.c}
    made = {name: default.arg for name, default in defaults.items() if default is not None and default.is_callable}
    constant = {name: None if default is None else default.arg for name, default in defaults.items()}
    return constant, tuple(made.items())


def put(row: Any, name: str, value: Any) -> None:
    """Let a row hold another value of a column. Of a row that belongs to no session nobody else has to hear of it."""
    held = vars(row)
    state = held["_sa_instance_state"]
    if state.session_id is not None or name not in held:
        setattr(row, name, value)
        return
    state.committed_state.setdefault(name, held[name])
    held[name] = value


def changed_columns(row: Any) -> tuple[str, ...]:
    """The columns of a row whose values are not those that were read."""
    before = instance_state(row).committed_state
    if not before:
        return ()
    held = vars(row)
    return tuple(sorted([name for name, old in before.items() if held[name] != old]))


def before_of(row: Any, changed: Iterable[str] | None = None) -> dict[str, Any]:
    """{column: what it held when it was read} of the columns that have changed since.

    Args:
        changed: these columns, where they are known.
    """
    before = instance_state(row).committed_state
    return {name: before[name] for name in (changed_columns(row) if changed is None else changed)}


def settle(row: Any) -> None:
    """Let a row count as it was read."""
    instance_state(row).committed_state.clear()


def columns_of(row: Any) -> dict[str, Any]:
    """What a row holds, which has all its columns."""
    held = dict(vars(row))
    held.pop("_sa_instance_state", None)
    return held
