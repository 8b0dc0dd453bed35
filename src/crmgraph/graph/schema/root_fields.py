"""Resolvers of the root types: a typed spelling of Strawberry's decorators, and what a mutation declares beside it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar, cast

import strawberry
from graphql import GraphQLField

from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.declarations import DECLARED, RootDeclaration

_F = TypeVar("_F", bound=Callable[..., Any])

_DECLARED = "mutation"
"""The key of a mutation's declaration in the metadata of its field."""


class Access(Enum):
    """Who may ask for a mutation.

    SIGNED_IN: whoever is signed in. OPTIONAL: anybody, but a token that is sent has to hold. ANYBODY: a token that does
    not hold any more stands in nobody's way.
    """

    SIGNED_IN = "signed in"
    OPTIONAL = "optional"
    ANYBODY = "anybody"


@dataclass(frozen=True, slots=True)
class Changes:
    """A mutation that changes one record, so that it can be compiled.

    Attributes:
        kind: of the record.
        work: what changes it, see `mutations.records.update`.
    """

    kind: PartyKind
    work: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a mutation declares.

    Attributes:
        changes: None where only the resolvers carry it out.
        bulk: whether its input may have more items than the event loop has time for, see `documents/bulk.py`.
    """

    access: Access = Access.SIGNED_IN
    changes: Changes | None = None
    bulk: bool = False


def resolves(description: str, type_: Any = None, *, reads: RootDeclaration | None = None) -> Callable[[_F], _F]:
    """Makes a field of the function below.

    Args:
        type_: what it answers in the schema, where the function gives rows.
        reads: what the function does, as data, of a field of the root.
    """

    def decorate(function: _F) -> _F:
        metadata = {} if reads is None else {DECLARED: reads}
        # The class body holds the field; whoever calls it still sees the function.
        made = strawberry.field(resolver=function, description=description, graphql_type=type_, metadata=metadata)
        return cast("_F", made)

    return decorate


def mutation(
    description: str, *, access: Access = Access.SIGNED_IN, changes: Changes | None = None, bulk: bool = False
) -> Callable[[_F], _F]:
    """Makes a mutation of the function below, which is called for nobody who has no login where it wants one."""

    def decorate(function: _F) -> _F:
        resolver: Any = function
        if access is Access.SIGNED_IN:

            @functools.wraps(function)
            async def resolver(self: Any, info: Any, **arguments: Any) -> Any:
                info.context.signed_in()
                return await function(self, info, **arguments)

        declared = {_DECLARED: Declaration(access, changes, bulk)}
        return cast("_F", strawberry.field(resolver=resolver, description=description, metadata=declared))

    return decorate


def declaration_of(field: GraphQLField) -> Declaration:
    """What the mutation of a field of the schema declares."""
    found: Declaration = field.extensions["strawberry-definition"].metadata[_DECLARED]
    return found
