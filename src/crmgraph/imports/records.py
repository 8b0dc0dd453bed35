"""What comes out of a file: records in crmgraph's words, and what became of every row that is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Literal

from crmgraph.crm.models import PartyKind


class Packed:
    """A dataclass with slots that `pickle` takes by its fields at once: every row is spooled, some of them twice."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        cls: Any = type(self)
        return cls, _fields_of(cls)(self)


@cache
def _fields_of(cls: Any) -> Callable[[Any], tuple[Any, ...]]:
    names = cls.__match_args__
    return attrgetter(*names) if len(names) > 1 else lambda self: (getattr(self, names[0]),)


@dataclass(frozen=True, slots=True)
class Place(Packed):
    """Where a row stands.

    Attributes:
        file: as the user calls it; a member of an archive by its own name.
        where: `7` for the line on which a row of a table begins, as an editor shows it; `card 3`, `data[0]`,
            `dn cn=Ada`.
        line: the number in `where`, for sorting.
    """

    file: str
    where: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.where}"


@dataclass(frozen=True, slots=True)
class External(Packed):
    """An id of the source: text, with its case.

    Attributes:
        system: e.g. ZOHO, SALESFORCE, VCARD. ZOHO, COVALENSE, CRMCOM and VALOMNIA are the dialects.
        space: within which the value names one record, e.g. Accounts.
    """

    system: str
    space: str
    value: str


@dataclass(frozen=True, slots=True)
class Ref(Packed):
    """Another record of the same set, by its `key`. It may come later than the record that names it."""

    kind: PartyKind
    key: str


@dataclass(frozen=True, slots=True)
class StoredRef(Packed):
    """A record that the store has already, by its id at the source."""

    kind: PartyKind
    external: External


@dataclass(frozen=True, slots=True)
class StaffRef(Packed):
    """A member of the staff, by the email under which `Staff` was given to the reading."""

    email: str


@dataclass(slots=True)
class Warned(Packed):
    """What a person should know of a row that is taken all the same.

    Attributes:
        code: a key of `words.WARNINGS`.
        column: as the source calls it; None when it is about the row.
        value: what stood there.
        reason: why, in words, where the code alone does not say it.
        facts: whatever else is known: the id that a reference became, the number of cells.
    """

    code: str
    column: str | None = None
    value: str | None = None
    reason: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note(Packed):
    """A note that came with a record. `owner` is None when nobody here is known by what the source says."""

    content: str
    title: str | None = None
    owner: StaffRef | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Photo(Packed):
    """An image that came with a record.

    Attributes:
        data: its bytes as they came.
        content_type: what they are, by their first bytes; None for no image that is taken.
        name: what its file was called.
    """

    data: bytes
    content_type: str | None = None
    name: str | None = None


@dataclass(slots=True)
class Related(Packed):
    """How a record stands to another one, as an export of our own has told.

    Attributes:
        kind: of the relation.
        given: the identifier of somebody who is no record, {name: value}.
        of: the kind of the other record, where it is one.
        external: its id there.
        to: the same in the files or in the store, once it is found.
    """

    kind: str
    given: dict[str, Any]
    of: PartyKind | None = None
    external: External | None = None
    to: Ref | StoredRef | None = None


@dataclass(slots=True)
class Record(Packed):
    """A record that can be made.

    Attributes:
        kind: what it is.
        key: by which other records of the set name it. The same file gives the same keys.
        at: where it stands; None for a record that is implied.
        input: the values in the vocabulary of `CreateContactInput` and its like, whose names they have. References are
            `Ref`, `StoredRef` and `StaffRef`. A boolean that is absent has its default.
        external: the id at the source, if it has any.
        also: ids of other systems that the source knows.
        match_name: whether an account that the store knows by this name alone is meant by it.
        created_at, updated_at: of the source.
        converted_at, deleted_at: when it was, at the source: of what an export of our own has told.
        kept: {column: text, list of texts or JSON} without a home here.
        kept_by: {system: {column: the same}} of what an export of our own has told.
        implied: made from a text or from a look-up of another row.
        only_known: whether it stands for a record of the store alone, and none is made for it.
        cleared: what the source has a column for and no value, where a blank clears.
    """

    kind: PartyKind
    key: str
    at: Place | None
    input: dict[str, Any]
    external: External | None = None
    match_name: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    notes: list[Note] = field(default_factory=list)
    photo: Photo | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    implied: bool = False
    only_known: bool = False
    also: list[External] = field(default_factory=list)
    kept_by: dict[str, dict[str, Any]] = field(default_factory=dict)
    cleared: list[str] = field(default_factory=list)
    relations: list[Related] = field(default_factory=list)
    converted_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(slots=True)
class Refusal(Packed):
    """A row of which no record can be made, or a file of which nothing can be read.

    Attributes:
        at: the row; `at.where` is empty for a whole file.
        code: a word of `UserErrorCode` where there is one: REQUIRED, INVALID, TOO_LARGE ...
        path: the field that is to blame, in the words of the input.
        reason: in words.
        facts: the limit, the lines ...
        original: the row as it stood, in bytes; what came from no table is told in JSON.
    """

    at: Place
    code: str
    reason: str
    path: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    original: bytes = b""


@dataclass(frozen=True, slots=True)
class Skipped(Packed):
    """A row that is meant to give no record: deleted, empty, of a module without a home here."""

    at: Place
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Merged:
    """A row that says again who another row is: its values went `into` that record, or were older."""

    at: Place
    into: Ref
    reason: str


Event = Record | Refusal | Skipped | Merged
"""One for each row of the files, and one for each record that is implied."""


@dataclass(frozen=True, slots=True)
class Question:
    """What cannot be known from the files, or should be known about them.

    Attributes:
        code: a key of `words.QUESTIONS`.
        reason: in words, with what each answer would read.
        answers: the candidates; empty where any word is one.
        option: the name of the option that answers it.
        open: whether nothing can be read before it is answered; others are told.
        file, column: what it is about.
    """

    code: str
    reason: str
    answers: tuple[str, ...] = ()
    option: str | None = None
    open: bool = False
    file: str | None = None
    column: str | None = None


@dataclass(slots=True)
class Recognised:
    """What a file was taken for; everything of it can be overridden by an option.

    Attributes:
        format: a key of `formats.FORMATS`, or VCARD, JCARD, JSCONTACT, LDIF.
        kind: of the records; None where the file says it row by row, or gives none.
        role: what it is used for: CONTACT, ACCOUNT, LEAD, STAFF, NOTE, FIELDS; None for what has no home here.
        encoding: as Python calls it.
        header_row: the line of the header.
        evidence: what decided the order of dates.
        columns: {header: what it is read as}; `kept` for what has no home.
        facts: whatever else is known: variant, versions, sheet, preamble_lines, duplicate_headers.
    """

    file: str
    format: str
    kind: PartyKind | None = None
    role: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    header_row: int | None = None
    date_order: str | None = None
    evidence: str | None = None
    language: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


DateOrder = Literal["dmy", "mdy", "ymd"]


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody of the staff of the store. One of them, `importer`, owns whatever belongs to nobody who is known."""

    email: str
    name: str
    importer: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """What the user states, see docs/import.md. What is None is found out, or asked.

    Attributes:
        format: a word of `--format`.
        kind: of the records of a table that does not say it.
        timezone: IANA's name of the zone of local times.
        region: ISO 3166-1 alpha-2: where telephone numbers are dialled from.
        users: {what the source calls somebody: the email of the staff member}.
        columns: {header: what it is read as}, before what the format says.
        nameless: whether people without a name are called by their address.
        blank: whether an empty cell of a table leaves what the record has, or clears it.
        lenient: whether a quote that is never closed is read as a letter.
    """

    format: str | None = None
    kind: PartyKind | None = None
    encoding: str | None = None
    delimiter: str | None = None
    no_header: bool = False
    dates: DateOrder | None = None
    decimal: str | None = None
    timezone: str | None = None
    region: str | None = None
    system: str | None = None
    id_column: str | None = None
    owner: str | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    nameless: Literal["address", "refuse"] = "address"
    accounts: Literal["create", "link", "ignore"] = "create"
    blank: Literal["keep", "clears"] = "keep"
    lenient: bool = False
