"""What comes of the compiled executor, as values: that it cannot answer, or that something failed."""

from dataclasses import dataclass
from typing import Any, ClassVar

from graphql import FieldNode, GraphQLError


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


def failure(error: Exception, node: FieldNode, key: str) -> GraphQLError:
    """An error of one root field, as the resolvers' executor would locate it."""
    return GraphQLError(str(error), node, path=[key], original_error=error)
