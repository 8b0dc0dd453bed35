"""What an old CRM tells when it is read: a dialect says how it is asked and what its answers mean, as data."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import orjson

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.mapping import Decoded, FieldMap, Resolved, decode, links


class BadAnswerError(Exception):
    """An answer of an upstream that cannot be what was asked for, with the reason in a few words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of the upstream.

    Attributes:
        path: below its base address.
        query: the parameters, as text.
        form: of a login: what is posted; every other call is a GET.
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole.

    Attributes:
        headers: by their names in small letters.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> dt.datetime | None:
        """What time it is at the upstream (`Date`, RFC 9110, section 6.6.1); None where it does not say."""
        try:
            return parsedate_to_datetime(self.headers.get("date", "")).astimezone(dt.UTC)
        except (TypeError, ValueError, OverflowError):
            return None

    def object(self) -> dict[str, Any]:
        """The JSON object in the body.

        Raises:
            BadAnswerError: there is none, or not a whole one.
        """
        try:
            read = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise BadAnswerError("no JSON, or not all of it") from None
        if not isinstance(read, dict):
            raise BadAnswerError("no object of JSON")
        return read


@dataclass(frozen=True, slots=True)
class Person:
    """One of the staff there, as records name them."""

    id: str
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class PulledUser:
    """One of the staff, as the upstream lists them.

    Attributes:
        is_admin: whether they administer it.
        active: whether they still work there.
    """

    person: Person
    is_admin: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class Pulled:
    """A record as the upstream tells it.

    Attributes:
        id: what it is called there, in the space `Pulling.space`.
        body: what the field map decodes: nothing but what clients would send of it.
        people: whom it names, besides its authors.
        state: {column: value} of what no door writes, see `Stamp`.
        became: {column of that kind: what is called so there}, e.g. what a lead was converted to.
        photo: what its photo is called there; None where it has none.
        tells_photo: whether `photo` says anything.
        is_whole: whether all extra fields are told, so that one that is not told is there no more.
    """

    kind: PartyKind
    id: str
    body: Mapping[str, Any]
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    created_by: Person | None = None
    modified_by: Person | None = None
    people: tuple[Person, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    became: Mapping[str, str] = field(default_factory=dict)
    photo: str | None = None
    tells_photo: bool = True
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class PulledNote:
    """A note as the upstream tells it.

    Attributes:
        on: the kind of its record, and what that is called there.
    """

    id: str
    on: tuple[PartyKind, str]
    title: str | None
    content: str | None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    owner: Person | None = None
    created_by: Person | None = None
    modified_by: Person | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that the upstream has deleted."""

    id: str
    at: dt.datetime | None = None
    by: Person | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list.

    Attributes:
        rows: as they came, each to be given to `Source.item`.
        more: whether there is another one.
    """

    rows: Sequence[Mapping[str, Any]] = ()
    more: bool = False


Item: TypeAlias = PulledUser | Pulled | PulledNote | Gone


@dataclass(frozen=True, slots=True)
class Source:
    """What can be listed, and how.

    Attributes:
        name: as commands name it, e.g. `Leads`.
        kind: of its records; None for users and notes.
        ask: the call for a page, counted from 1, of all or of what was changed at a moment or later. Pages are in an
            order in which what is new comes at the end, where the upstream has one.
        read: the page that an answer is.
        item: what a row of a page is.
        id_of: what a row is called there.
        ids: the call for a page of ids alone; None where nothing can be counted.
        some: the call for those of these ids; None where they cannot be asked for.
        at_once: how many ids `some` takes.
        is_whole: whether it is always read whole, since it cannot say what was changed.
        deleted: whether it tells what is gone.

    `read` and `item` raise BadAnswerError for what cannot be such.
    """

    name: str
    kind: PartyKind | None
    ask: Callable[[int, dt.datetime | None], Asked]
    read: Callable[[Answer], Page]
    item: Callable[[Mapping[str, Any]], Item]
    id_of: Callable[[Mapping[str, Any]], str]
    ids: Callable[[int], Asked] | None = None
    some: Callable[[Sequence[str]], Asked] | None = None
    at_once: int = 100
    is_whole: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """What a login gave.

    Attributes:
        headers: what goes with each call from now on.
        seconds: how long it is good.
        query: the same as parameters, of an API that takes its token so.
    """

    headers: Mapping[str, str]
    seconds: float
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Access:
    """How we come in.

    Attributes:
        secrets: {name: whether there may be none}, of what a login takes.
        ask: the call that logs in.
        granted: what its answer gives; BadAnswerError says why there is nothing.
        at_accounts: whether the accounts server is called, where there is one.
        ended: whether an answer says that the login is good no more.
    """

    secrets: Mapping[str, bool]
    ask: Callable[[Mapping[str, str]], Asked]
    granted: Callable[[Answer], Granted]
    at_accounts: bool = False
    ended: Callable[[Answer], bool] = lambda answer: answer.status == 401


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a text names, an id or a phone number, say.

    Attributes:
        asked: the call that looks for it.
        id: what the record is called there, where the text is its id.
        in_brief: whether the answer is one of a list, each record of which is asked for by its id once more.
    """

    asked: Asked
    id: str | None = None
    in_brief: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found.

    Attributes:
        records: none where there is nothing of that name.
        refused: why nothing is told, in the upstream's word for it.
    """

    records: Sequence[Pulled] = ()
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """How single records are asked for, of an upstream that has no lists.

    Attributes:
        wanted: what a text names; None where it can be nothing.
        by_id: the call for the record of an id.
        read: what an answer tells; BadAnswerError for what cannot be one.
    """

    wanted: Callable[[str], Wanted | None]
    by_id: Callable[[str], Asked]
    read: Callable[[Answer], Looked]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How what is told of a kind of record becomes an edit: by the dialect's own field map.

    Attributes:
        names: what a body names, (space, id), to be looked up before it is decoded.
        decode: the edit of a body, of the record as it is here, None for a new one, and of what was looked up.
    """

    names: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]
    decode: Callable[[Mapping[str, Any], Aggregate | None, Resolved], Decoded]


def flat(fields: FieldMap) -> Decoding:
    """The decoding of a dialect whose records are flat."""
    return Decoding(
        lambda body: links(fields, body), lambda body, aggregate, resolved: decode(fields, body, aggregate, resolved)
    )


@dataclass(frozen=True, slots=True)
class Pulling:
    """How an upstream of a dialect is read.

    Attributes:
        access: None where nothing is asked by us, and only what passes by is read.
        sources: in the order in which they are read: what others name comes first.
        decoding: of each kind of record.
        photo: the call for the photo of a record, of its kind and id; None where there are none.
        space: the space of external ids in which records are named.
        spaces: the same of those kinds that have one of their own.
        users: the space in which the staff are named.
        unknowable: what its API does not tell, one line each, for `upstream check`.
        lookup: how single records are asked for where there are no lists.
        further_ids: (target, space, id there, id here) of rows of a record, and of the record by another name, that are
            not known, of the body of the record and of what is known; None where there are none.
    """

    access: Access | None
    sources: tuple[Source, ...]
    decoding: Mapping[PartyKind, Decoding]
    photo: Callable[[PartyKind, str], Asked] | None = None
    space: str = "record"
    spaces: Mapping[PartyKind, str] = field(default_factory=dict)
    users: str = "user"
    unknowable: tuple[str, ...] = field(default=())
    lookup: Lookup | None = None
    further_ids: Callable[[Mapping[str, Any], Aggregate, Resolved], Iterable[tuple[str, str, str, int]]] | None = None

    def space_of(self, kind: PartyKind) -> str:
        """The space in which records of a kind are named."""
        return self.spaces.get(kind, self.space)
