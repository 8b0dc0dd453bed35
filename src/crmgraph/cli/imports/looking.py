"""Before anything is written: files are looked at, people asked, and what would come of each row told."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import typer

from crmgraph.cli.console import err, print_json, print_text
from crmgraph.crm.models import PartyKind
from crmgraph.imports import maps
from crmgraph.imports.reading import Reading, open_set
from crmgraph.imports.records import Options, Question, Record, Staff
from crmgraph.imports.reports import Report, told
from crmgraph.imports.sets import Stored
from crmgraph.imports.stated import FORMAT_WORDS
from crmgraph.imports.words import QUESTIONS

NOTHING, REFUSED, ASKED = 1, 3, 4
"""Exit codes: nothing was done, some rows were refused, a question is open."""
SHOWN = 10
"""How many records are shown before anything is written."""
MAX_USERS = 10_000
"""How many lines of a table of users are read."""
_KINDS = {"contacts": PartyKind.CONTACT, "accounts": PartyKind.ACCOUNT, "leads": PartyKind.LEAD}


def options_of(
    *,
    format_: str | None,
    kind: str | None,
    delimiter: str | None,
    region: str | None,
    users: Path | None,
    map_: Path | None,
    **stated: Any,
) -> Options:
    """What was said on the command line.

    Raises:
        ValueError: something of it cannot be.
    """
    if format_ is not None and format_ not in FORMAT_WORDS:
        raise ValueError(f"--format {format_}: there is none of this name: {', '.join(sorted(FORMAT_WORDS))}")
    options = Options(
        format=format_,
        kind=_KINDS[kind] if kind else None,
        delimiter=_delimiter(delimiter),
        region=region.upper() if region else None,
        users=_users(users),
        **stated,
    )
    return maps.load(map_, options) if map_ else options


def look(
    paths: list[Path], options: Options, staff: Sequence[Staff], stored: Stored, *, ask: bool
) -> tuple[Reading, Options]:
    """Look at files and ask what can be answered.

    Args:
        stored: which of such ids the store has records of.

    Returns:
        The reading, and the options with the answers.

    Raises:
        ValueError, LookupError: an option cannot be.
    """
    while True:
        reading = open_set(paths, options, staff, stored=stored)
        waiting = next((each for each in reading.questions if each.open and each.option), None)
        if waiting is None or not ask:
            return reading, options
        options = replace(options, **{str(waiting.option): _answer(waiting)})


def save_map(path: Path, options: Options, reading: Reading) -> None:
    """Save how the columns were read."""
    path.write_text(maps.saved(options, reading.recognised), "utf-8")


def _delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    meant = {"\\t": "\t", "tab": "\t"}.get(given.lower(), given)
    if len(meant) != 1:
        raise ValueError(f"--delimiter {given}: one character, or tab")
    return meant


def _users(path: Path | None) -> dict[str, str]:
    """{what the source calls somebody: an email} of a table of two columns."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = islice(csv.reader(file), MAX_USERS)
            return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1 and "@" in row[1]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"--users {path}: {error}") from error


def _answer(question: Question) -> Any:
    err.print(f"{QUESTIONS[question.code]} {question.reason}", markup=False, highlight=False)
    if question.option == "no_header":
        if not typer.confirm("Name the columns by number?", err=True):
            raise ValueError("a header that is known is needed: --map says what other columns are")
        return True
    while True:
        given = str(typer.prompt(" or ".join(question.answers) or str(question.option), err=True)).strip()
        if given in question.answers or not question.answers:
            return given


def tell(reading: Reading, folder: Path | None, *, as_json: bool, dry_run: bool) -> tuple[int, Mapping[str, int]]:
    """Read the files, and tell what they hold.

    Args:
        as_json: print one object: of a dry run, and where a question is open.
        dry_run: whether nothing else is done than this.

    Returns:
        How the program ends, and how many rows there are, see `Report.counts`.
    """
    if not as_json:
        _show_files(reading)
    if reading.is_open:
        if as_json:
            print_json(Report(reading).summary())
        return ASKED, {}
    found = Report(reading, folder)
    shown: list[Record] = []
    for event in reading.events() if dry_run else reading.kept():
        found.take(event)
        if isinstance(event, Record) and not event.implied and len(shown) < SHOWN:
            shown.append(event)
    found.close()
    if as_json and dry_run:
        print_json({**found.summary(), "preview": [told(each) for each in shown]})
    elif not as_json:
        _show(found, shown)
    records = sum(found.counts[kind] for kind in PartyKind)
    if found.counts["refused"]:
        return REFUSED if records else NOTHING, found.counts
    return 0, found.counts


def _show_files(reading: Reading) -> None:
    for each in reading.recognised:
        said = [each.format, each.role.lower() if each.role else "not used", each.encoding]
        if each.delimiter:
            said.append({"\t": "tab", ",": "comma", ";": "semicolon"}.get(each.delimiter, each.delimiter))
        if each.date_order:
            said.append(f"dates {each.date_order} ({each.evidence})")
        kept = [name for name, target in each.columns.items() if target.split(" ")[0] == "keep"]
        if each.columns and each.kind is not None:
            said.append(f"{len(each.columns)} columns, kept as they are: {', '.join(kept) or 'none'}")
        print_text(f"{each.file}: {'; '.join(said)}")
    for question in reading.questions:
        answer = f" (--{question.option.replace('_', '-')})" if question.option else ""
        print_text(f"{'?' if question.open else '-'} {QUESTIONS[question.code]} {question.reason}{answer}")


def _show(found: Report, shown: list[Record]) -> None:
    for record in shown:
        values = json.dumps(told(record.input), ensure_ascii=False)
        print_text(f"{record.kind.lower()} {record.at}: {values[:300]}{' ...' if len(values) > 300 else ''}")
    counts = found.counts
    print_text(
        f"Would be read: {counts['ACCOUNT']} accounts, {counts['CONTACT']} contacts, {counts['LEAD']} leads. "
        f"Refused {counts['refused']}, skipped {counts['skipped']}, merged {counts['merged']}, "
        f"warnings {counts['warnings']}."
    )
    for (what, code, reason), rows in found.reasons.most_common(20):
        print_text(f"  {what} {rows}: {code}: {reason}")
