"""Resolvers of the root types: a typed spelling of Strawberry's decorators."""

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

_F = TypeVar("_F", bound=Callable[..., Any])


def resolves(description: str, type_: Any = None) -> Callable[[_F], _F]:
    """Makes a field of the function below.

    Args:
        type_: what it answers in the schema, where the function gives rows.
    """

    def decorate(function: _F) -> _F:
        made: Any = strawberry.field(resolver=function, description=description, graphql_type=type_)
        return made  # type: ignore[no-any-return]  # the class body holds the field, a caller still sees the function

    return decorate
