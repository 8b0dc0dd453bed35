"""What answers that pass by tell of records: a dialect says which operations tell which record, as data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from crmgraph.crm.models import PartyKind
from crmgraph.rest.pulling import Gone, Pulled, Pulling


@dataclass(frozen=True, slots=True)
class ObservedCall:
    """What a call that went well told.

    Attributes:
        path: of the request, by its segments, as they came.
        parameters: of its query; of several of one name the last.
        body: the object of JSON in the answer; empty where there is none.
    """

    path: Sequence[str]
    parameters: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)


Records: TypeAlias = Iterable[Pulled | tuple[PartyKind, Gone]]
Tells: TypeAlias = Callable[[ObservedCall], Records]
"""The records that a call tells of. It passes over what cannot be such, and raises BadAnswerError for a whole that is
none."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What the answers of a dialect tell.

    Attributes:
        operations: {operation, as it is counted: what it tells}.
        pulling: how what is told becomes an edit.
    """

    operations: Mapping[str, Tells]
    pulling: Pulling
