"""Prints what a document selects of a record that is in memory, with its rows: after a change nothing is read again."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from crmgraph.crm.models import Address, Email, Phone
from crmgraph.crm.policy import Actor
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.graph.compiled.json_text import PLAIN
from crmgraph.graph.compiled.tree import Branch, Leaf, Typename, Unplannable
from crmgraph.graph.schema import declarations
from crmgraph.graph.schema.user_errors import UserError, login_warnings

Print: TypeAlias = Callable[[Any, Aggregate, Actor], Any]
"""(a row, the record that it belongs to, who asks) to what JSON holds of it."""

_LISTS: dict[Any, str] = {Phone: "phones", Email: "emails", Address: "addresses"}


def printer(model: Any, tree: Sequence[Any]) -> Print:
    """What prints the fields of a tree.

    Args:
        model: what the rows are.

    Raises:
        Unplannable: one of the fields is not in the record or its rows.
    """
    fields = [(field.key, _field(model, field)) for field in tree]
    return lambda row, aggregate, actor: {key: of(row, aggregate, actor) for key, of in fields}


def warnings_printer(leaves: Sequence[tuple[str, str]]) -> Print:
    """What prints the warnings beside a record that was changed.

    Args:
        leaves: (response key, name) of what is told of each.
    """

    def printed(row: Any, aggregate: Aggregate, actor: Actor) -> list[dict[str, Any]]:
        return [{key: _told(warning, name) for key, name in leaves} for warning in login_warnings(aggregate)]

    return printed


def _told(warning: UserError, name: str) -> Any:
    return type(warning).__name__ if name == "__typename" else getattr(warning, _PYTHON.get(name, name))


_PYTHON = {"loginEmail": "login_email"}


def lists_of(tree: Sequence[Any]) -> set[str]:
    """The lists of a record that a tree prints."""
    found: set[str] = set()
    for field in tree:
        if isinstance(field, Branch):
            found |= {_LISTS[field.model]} if field.model in _LISTS else lists_of(field.tree)
    return found


def _field(model: Any, field: Any) -> Print:
    match field:
        case Typename(name=name):
            return lambda row, aggregate, actor: name
        case Leaf():
            return _leaf(model, field)
        case Branch(declaration=declarations.Part(shown=shown)):
            inner = printer(model, field.tree)
            if shown is None:
                return inner
            return lambda row, aggregate, actor: inner(row, aggregate, actor) if shown(actor, row) else None
        case Branch(declaration=declarations.ToRows(), model=child) if child in _LISTS:
            name, each = _LISTS[child], printer(child, field.tree)
            return lambda row, aggregate, actor: [each(one, aggregate, actor) for one in getattr(aggregate, name)]
    raise Unplannable(f"`{field.key}`, which the changed record does not hold")


def _leaf(model: Any, leaf: Leaf) -> Print:
    match leaf.declaration:
        case declarations.Computed(compute=compute) if compute is not None:
            value: Callable[[Any], Any] = compute
        case declarations.Column(required=True):
            name = leaf.name

            def value(row: Any) -> Any:
                return getattr(row, name) or ""

        case declarations.Column():
            if model.__table__.c[leaf.name].nullable and not leaf.nullable:
                raise Unplannable(f"a null in {leaf.name}")
            name = leaf.name

            def value(row: Any) -> Any:
                return getattr(row, name)

        case _:
            raise Unplannable(f"`{leaf.key}`, which the changed record does not hold")
    if leaf.type_.name in PLAIN or leaf.type_.name == "ID":
        return lambda row, aggregate, actor: value(row)
    written = leaf.type_.coerce_output_value

    def printed(row: Any, aggregate: Aggregate, actor: Actor) -> Any:
        found = value(row)
        return None if found is None else written(found)

    return printed
