"""The pages `docs/fields.md` and `docs/losses.md`, written from the tables."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.lineage.losses import altered, lost, written
from crmgraph.lineage.words import DOORS, Word, kept_alone, places, tables
from crmgraph.registry import DIALECTS

TITLES = {"graphql": "GraphQL", **{dialect.name: dialect.door.title for dialect in DIALECTS}}
"""How people call the vocabularies."""
_PLURALS = {PartyKind.CONTACT: "Contacts", PartyKind.ACCOUNT: "Accounts", PartyKind.LEAD: "Leads"}
_MADE = "Made from the tables by `python -m crmgraph.lineage`; a test fails when it is stale."

_FIELDS = f"""# Fields

What every value of the store is called in all five vocabularies. {_MADE}

- `(r)`: answers have it and requests cannot change it, or not in the place of those who speak the dialect:
  customers speak Covalense, and the office changes the rest. `(w)`: requests bring it and the same answer does not
  print it.
- `phones[MOBILE]` is the phone in the [slot](decisions/slots.md) of that kind, `emails[0]` the email in the first slot,
  `addresses[1]` the address in the second, `[*]` any of them, `[n]` one that no flat record has a place for.
- A country is one value: Covalense and Zoho tell its name as it was given, CRM.COM an object, Valomnia its ISO
  code, the graph `country` and `countryName`.
- A photo is `photo` in the graph (of all three kinds), `profileImage` of Covalense's contacts, the `photo` of a
  record of Zoho's (`Record_Image`), CRM.COM's `profile_photo` methods, Valomnia's `photo` of contacts and `logo` of
  customers. Notes are `notes` in the graph and Notes at Zoho's. Relations are `relations` in the graph, where they
  are read, and CRM.COM's `relation_set`. External ids are `externalIds` in the graph, and each dialect's own `id`.
"""

_LOSSES = f"""# What is lost from one vocabulary to another

{_MADE} Nothing is lost in the store: what one dialect cannot say survives every write through it, and is there for
the others. Lost means that whoever reads through another door does not find it.
"""

_BY_DESIGN = """## Where vocabularies disagree by design

- **Flat records have places, the store has lists.** A place of a flat record is a [slot](decisions/slots.md), which one
  row bears: it reads and writes that row, else adds one. Nothing written there takes the row away, and no other takes
  its place: the second email stays the second. Rows that come through GraphQL or CRM.COM take the first free slot of
  their kind, and are not shown where there is none.
- **A row goes when nothing is left of it.** An address goes when all of its parts are empty, those included that
  the flat record does not have.
- **Countries** are kept as they were given, beside the ISO code where the text names one. A dialect that has codes
  alone (Valomnia, CRM.COM) tells nothing of a name that ISO does not know, or the name without a code, and does not
  change it unless it writes another country.
- **Dates of birth** may be known in part in the graph and in CRM.COM's. Covalense and Zoho print nothing of a
  partial one; a date that they write replaces all three parts.
- **Times** are told to the second, without a zone (Covalense, CRM.COM), in UTC (Valomnia), or with an offset
  (Zoho).
- **What is sent back as it was told changes nothing**, even where it is not the whole of what is kept: "0" for a
  number that nobody knows stays unknown, a code for a language that somebody wrote in words leaves the words.
- **Leads** are the graph's and Zoho's. Valomnia's customers are read, not written; contacts are its only records to
  write.
- **What one dialect alone knows** is kept for it, as it came, and nobody else sees it; `docs/fields.md` has the
  list.
"""


def fields_page() -> str:
    """The text of `docs/fields.md`."""
    parts = [_FIELDS]
    for kind, title in _PLURALS.items():
        rows = ([f"`{place}`", *(_cell(words.get(door)) for door in DOORS)] for place, words in places(kind).items())
        parts.append(f"## {title}\n\n" + _table(["kept as", *TITLES.values()], rows))
    parts.append("## What one dialect alone knows\n\nKept for it on the record as it came, and told to nobody else.\n")
    parts += [
        f"- {TITLES[dialect]}, {_PLURALS[kind].lower()}: {_series(names)}"
        for dialect, kinds in tables().items()
        for kind in kinds
        if (names := kept_alone(dialect, kind))
    ]
    parts.append(
        "\nAny other field that a request brings to Covalense, Zoho or CRM.COM is kept for it too, and the\n"
        "user defined fields of CRM.COM's addresses, phones and emails.\n"
    )
    return "\n".join(parts)


def losses_page() -> str:
    """The text of `docs/losses.md`."""
    parts = [_LOSSES]
    for kind, title in _PLURALS.items():
        parts.append(f"## {title}\n\nOf so many values that the row writes, so many the column does not read.\n")
        heads = ["written by", "values", *(f"lost to {each}" for each in TITLES.values())]
        rows = (
            [TITLES[door], str(len(written(kind, door))), *(str(len(lost(kind, door, each))) for each in DOORS)]
            for door in DOORS
            if written(kind, door)
        )
        parts.append(_table(heads, rows))
        parts += _lists(kind)
        told = [
            [f"`{place}`", TITLES[door], _value(value), _value(wire)]
            for door in DOORS
            for place, value, wire in altered(kind, door)
        ]
        if told:
            parts.append(f"{title} of which another thing is told than is kept, tried with samples:\n")
            parts.append(_table(["kept as", "told by", "kept", "told"], told))
    return "\n".join([*parts, _BY_DESIGN])


def _lists(kind: PartyKind) -> Iterable[str]:
    """What is lost, pair by pair."""
    for writer in DOORS:
        for reader in DOORS:
            names = [f"`{place}`" for place in lost(kind, writer, reader)]
            if names and any(reader in words for words in places(kind).values()):
                yield f"- {TITLES[writer]} to {TITLES[reader]}: {', '.join(names)}"
    yield ""


def _cell(word: Word | None) -> str:
    if word is None:
        return ""
    marks = ("" if word.written else " (r)") + ("" if word.read else " (w)")
    return f"`{word.name}`{marks}"


def _series(names: Iterable[str]) -> str:
    """Names in their order; those that differ in a number at their end from the first to the last."""
    runs: dict[str, list[str]] = {}
    for name in names:
        stem = name.rstrip("0123456789")
        runs.setdefault(stem if stem != name else f"{name} ", []).append(name)
    return ", ".join(f"`{run[0]}`" + (f" to `{run[-1]}`" if len(run) > 1 else "") for run in runs.values())


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return " / ".join("?" if part is None else str(part) for part in value)
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return f"`{value}`"
    return f'`"{value}"`'


def _table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)
