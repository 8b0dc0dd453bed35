"""What comes of the compiled executor, as values: that it cannot answer, or that something failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from graphql import FieldNode, GraphQLError
from graphql.error import located_error


@dataclass(frozen=True, slots=True)
class NotCompiled:
    """An operation that only the resolvers can answer.

    Attributes:
        reason: in a few words for whoever sent it, or the field that is to blame, e.g. `Contact.externalIds`.
        size: what it takes to remember it, in bytes.
    """

    reason: str
    size: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class Failed:
    """A fault of ours or of the database, told as the resolvers would tell it. It is not tried again.

    Attributes:
        verified: whether it may be told to the actor as they are.
    """

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    verified: bool = False


def failure(error: Exception, nodes: Sequence[FieldNode], *path: str | int) -> GraphQLError:
    """The error of one field, as the resolvers' executor would locate it.

    Args:
        nodes: where the document selects the field.
        path: where it lies in the answer.
    """
    return located_error(error, list(nodes), path)
