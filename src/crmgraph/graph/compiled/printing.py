"""Prints what a document selects of a record that is in memory, with its rows: after a change nothing is read again."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from crmgraph.crm.models import Address, Email, Phone
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.graph.compiled.json_text import PLAIN
from crmgraph.graph.compiled.tree import AnyRecord, Branch, Later, Leaf, Typename, Unplannable
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema import declarations
from crmgraph.graph.schema.user_errors import UserError, login_warnings

Print: TypeAlias = Callable[[Any, Aggregate, Context], Any]
"""(a row, the record that it belongs to, the context) to what JSON holds of it."""

_LISTS: dict[Any, str] = {Phone: "phones", Email: "emails", Address: "addresses"}


def printer(model: Any, tree: Sequence[Any], record: Any = None) -> Print:
    """What prints the fields of a tree.

    Args:
        model: what the rows are.
        record: the model of the record that they belong to, where that is another one.

    Raises:
        Unplannable: one of the fields is not in the record or its rows.
    """
    fields = [(field.key, _field(model, field, record or model)) for field in tree]
    return lambda row, aggregate, context: {key: of(row, aggregate, context) for key, of in fields}


def warnings_printer(leaves: Sequence[tuple[str, str]]) -> Print:
    """What prints the warnings beside a record that was changed.

    Args:
        leaves: (response key, name) of what is told of each.
    """

    def printed(row: Any, aggregate: Aggregate, context: Context) -> list[dict[str, Any]]:
        return [{key: _told(warning, name) for key, name in leaves} for warning in login_warnings(aggregate)]

    return printed


def _told(warning: UserError, name: str) -> Any:
    return type(warning).__name__ if name == "__typename" else getattr(warning, _PYTHON.get(name, name))


_PYTHON = {"loginEmail": "login_email"}


def lists_of(tree: Sequence[Any]) -> set[str]:
    """The lists of a record that a tree prints."""
    found: set[str] = set()
    for field in tree:
        if isinstance(field, AnyRecord):
            found |= {name for _, tree in field.kinds for name in lists_of(tree)}
        elif isinstance(field, Branch):
            found |= {_LISTS[field.model]} if field.model in _LISTS else set()
            found |= lists_of(field.tree)
    return found


def _field(model: Any, field: Any, record: Any) -> Print:
    match field:
        case Typename(name=name):
            return lambda row, aggregate, context: name
        case Leaf():
            return _leaf(model, field)
        case Later(declaration=declarations.Finished(facts=facts, finish=finish), fields=None) if facts is not None:
            return _finished(field, facts, finish)
        case AnyRecord(declaration=declarations.ToParty(owner=True), kinds=kinds):
            of_record = printer(record, dict(kinds)[record])
            return lambda row, aggregate, context: of_record(aggregate.record, aggregate, context)
        case Branch(declaration=declarations.Part(shown=shown)):
            inner = printer(model, field.tree, record)
            if shown is None:
                return inner
            return lambda row, aggregate, context: inner(row, aggregate, context) if shown(context.actor, row) else None
        case Branch(declaration=declarations.ToRows(), model=child) if child in _LISTS:
            name, each = _LISTS[child], printer(child, field.tree, record)
            return lambda row, aggregate, context: [each(one, aggregate, context) for one in getattr(aggregate, name)]
    raise Unplannable(f"`{field.key}`, which the changed record does not hold")


def _finished(field: Later, facts: Callable[[Any], Sequence[Any]], finish: Callable[..., Any]) -> Print:
    written = field.type_.coerce_output_value

    def printed(row: Any, aggregate: Aggregate, context: Context) -> Any:
        made = finish(context, *facts(row))
        if made is None:
            return None
        return [written(each) for each in made] if field.listed else written(made)

    return printed


def _leaf(model: Any, leaf: Leaf) -> Print:
    match leaf.declaration:
        case declarations.Computed(compute=compute) if compute is not None:
            value: Callable[[Any], Any] = compute
        case declarations.Column(required=True):
            name = leaf.name

            def value(row: Any) -> Any:
                return vars(row)[name] or ""

        case declarations.Column():
            if model.__table__.c[leaf.name].nullable and not leaf.nullable:
                raise Unplannable(f"a null in {leaf.name}")
            name = leaf.name

            def value(row: Any) -> Any:
                return vars(row)[name]

        case _:
            raise Unplannable(f"`{leaf.key}`, which the changed record does not hold")
    if leaf.type_.name in PLAIN or leaf.type_.name == "ID":
        if isinstance(leaf.declaration, declarations.Column) and not leaf.declaration.required:
            return lambda row, aggregate, context: vars(row)[name]
        return lambda row, aggregate, context: value(row)
    written = leaf.type_.coerce_output_value

    def printed(row: Any, aggregate: Aggregate, context: Context) -> Any:
        found = value(row)
        return None if found is None else written(found)

    return printed
