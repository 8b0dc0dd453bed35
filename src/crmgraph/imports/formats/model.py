"""What a format is: data. A new one is a file of this folder, and a line in `__init__.py`.

A column is read as its target says, words of which the first tells what is done:

| target | |
| --- | --- |
| `firstName`, `industry` ... | a value of the input, by its name |
| `name` | of an account; the full name of people |
| `phone MOBILE`, `phone OTHER Pager` | a number of a kind, with a note |
| `email BUSINESS`, `address HOME street` | an address of a kind, or a part of it; lines of a street join |
| `id`, `number` | the id at the source, the number that people know |
| `account`, `account.id`, `parent`, `reportsTo` ... | another record, by name or by id |
| `owner`, `owner.id` | the staff: by email or name, by the id in the export's own table of users |
| `created`, `updated` | times of the source; `order` only tells which of two rows is the later |
| `deleted`, `master`, `converted`, `converted.to` | whether and why the row is skipped |
| `choice` | words of `Layout.choices` |
| `keep`, `keep ;` | kept beside the record, as a list if it is parted so; `flag` unless it says no |
| `drop` | said elsewhere in the row |
| `parent_record`, `parent_kind`, `title`, `content` | of a note; `user.id`, `user.name`, `user.email` of the staff |

Any other word is a quirk, a function of `quirks.QUIRKS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crmgraph.crm.models import PartyKind


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of one kind are read.

    Attributes:
        role: CONTACT, ACCOUNT, LEAD, STAFF, NOTE or FIELDS.
        columns: {header: target}, in the order in which numbers and addresses are added. Headers are compared
            without case.
        space: within which its ids name one record.
        signs: sets of headers; all of one of them are told by this source alone.
        member: how its files in an archive are called, as a regular expression.
        choices: {header: {word in lower case: {field: value}}}.
        constants: {field: value} of every row.
        language: of the headers, where they differ by it.
        variant: which form of the export it is.
    """

    role: str
    columns: Mapping[str, str]
    space: str = "id"
    signs: tuple[frozenset[str], ...] = ()
    member: str | None = None
    choices: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    language: str | None = None
    variant: str | None = None

    @property
    def kind(self) -> PartyKind | None:
        """Of the records that its rows give."""
        return PartyKind(self.role) if self.role in PartyKind.__members__ else None


@dataclass(frozen=True, slots=True)
class Format:
    """A source of tables.

    Attributes:
        name: as it is told, e.g. HUBSPOT_CSV.
        word: of `--format`.
        system: whose ids its ids are.
        layouts: its kinds of row.
        prefix: what its ids begin with when they are printed.
        id_form: what its ids look like, as a regular expression: where nobody else has such, they tell the format
            whatever its columns are called.
        decimal: what parts decimals; None where the columns have to say it.
        iso: whether dates are written year first.
        utc: whether times without a zone are UTC.
        ansi: whether it writes in the encoding of the user's Windows where it is not UTF-8.
        apostrophe: `told` when its `'` before a sign is removed, `silent` where it writes one before every sign.
        html: whether cells hold entities of HTML.
        empty: what it writes where there is nothing.
        defaults: what it writes where nothing was chosen, which may be somebody's name.
        keep_parted: what parts several choices in columns without a home; `json` for lists of JSON.
        formulas: whether its cells are those of a spreadsheet, which takes some of them for formulas.
        numbered: whether it has columns as `Phone 1 - Value`.
        case_held: whether ids of 15 letters are those of 18 without the three that hold their case.
        container: `zip` for an archive of tables.
        ends: quirks of rows as a whole, functions of `quirks.ENDS`.
        emptiness: what is said of a row without anything.
        spaces: {kind: space} of the ids of records that only others name.
    """

    name: str
    word: str
    system: str | None
    layouts: tuple[Layout, ...]
    prefix: str = ""
    id_form: str | None = None
    decimal: str | None = "."
    iso: bool = True
    utc: bool = False
    ansi: bool = False
    apostrophe: str = "told"
    html: bool = False
    empty: frozenset[str] = frozenset()
    defaults: frozenset[str] = frozenset()
    keep_parted: str | None = None
    formulas: bool = True
    numbered: bool = False
    case_held: bool = False
    container: str | None = None
    ends: tuple[str, ...] = ()
    emptiness: str = "no cell holds anything"
    spaces: Mapping[str, str] = field(default_factory=dict)

    def space_of(self, kind: PartyKind) -> str:
        """The space of the ids of these records."""
        return self.spaces.get(kind) or next((each.space for each in self.layouts if each.kind is kind), "id")


def headers(text: str) -> frozenset[str]:
    """Headers that are written with `|` between them, as they are compared."""
    return frozenset(header_key(each) for each in text.split("|"))


def header_key(header: str) -> str:
    """What two spellings of a header have in common."""
    return " ".join(header.replace("\ufeff", "").replace("\xa0", " ").casefold().split())


def address(kind: str, prefix: str, **parts: str) -> dict[str, str]:
    """The columns of a postal address: {prefix and header: target}."""
    return {f"{prefix}{header}": f"address {kind} {part}" for part, header in parts.items()}
