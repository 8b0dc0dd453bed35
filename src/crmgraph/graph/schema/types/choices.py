"""Choices: what a field may hold, for menus."""

from typing import Annotated

import strawberry
from strawberry.utils.str_converters import to_camel_case

from crmgraph.crm.models import PartyKind
from crmgraph.crm.query import choices as core
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput, choose

Of = Annotated[PartyKind, strawberry.argument(description="Whose field it is.")]
Field = Annotated[str, strawberry.argument(description="The field, as it is called in filters, e.g. `status`.")]


@strawberry.type(description="A value that a field may hold.")
class Choice:
    value: str = strawberry.field(description="The value, as filters and inputs take it.")
    label: str = strawberry.field(description="What to show people.")
    active: bool = strawberry.field(
        description="Whether new records may still have it; true wherever any text is taken."
    )


def asked_of(of: PartyKind, field: str) -> str:
    """The name of a field that has choices.

    Raises:
        BadInput: it is none that has.
    """
    fields = {to_camel_case(name): name for name in core.FIELDS[of]}
    if field not in fields:
        choices = sorted(fields)
        raise BadInput("none of", "field", {"choices": choices}, choose=choose(choices))
    return fields[field]


async def find(context: Context, of: PartyKind, field: str) -> list[Choice]:
    """What a field holds.

    Raises:
        BadInput: see `asked_of`.
    """
    name = asked_of(of, field)
    if (known := fixed(of, name)) is not None:
        return known
    async with context.core.db.read() as session:
        values = await core.choices(session, context.actor, of, name)
    return [Choice(value=each, label=each, active=True) for each in values]


def fixed(of: PartyKind, name: str) -> list[Choice] | None:
    """The choices of a field that is an enum; None of a text."""
    known = core.fixed(of, name)
    return None if known is None else [Choice(value=each, label=_label(each), active=True) for each in known]


def _label(value: str) -> str:
    """What a value of an enum is called, e.g. Business."""
    return value.replace("_", " ").capitalize()
