"""What `crmgraph import` writes: an import that is carried out, resumed, undone, listed and shown."""

import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import select

from crmgraph.cli.console import err, fail, opened, print_json, print_text, run
from crmgraph.cli.importing import ASKED, NOTHING, REFUSED
from crmgraph.crm.core import Core
from crmgraph.crm.models import Import, ImportState, Outcome, PartyKind, Role, Staff
from crmgraph.crm.records.matching import MatchBy
from crmgraph.db.database import Database
from crmgraph.imports import records
from crmgraph.imports.reading import open_set
from crmgraph.imports.records import Event, Options, StaffRef
from crmgraph.imports.reports import Report
from crmgraph.imports.writing import leases, runs
from crmgraph.imports.writing.batches import How, Mode
from crmgraph.imports.writing.leases import FilesChanged, ImportBusy
from crmgraph.imports.writing.photos import Photos
from crmgraph.imports.writing.runs import Progress, Run
from crmgraph.imports.writing.undo import undo
from crmgraph.settings import Settings

SHOWN = 20
"""How many records of a list are told on the screen."""


def write(
    paths: list[Path],
    options: Options,
    settings: Settings,
    *,
    mode: Mode,
    match: str,
    most_refused: str,
    counts: Mapping[str, int],
    report: Path | None,
    as_json: bool,
) -> int:
    """Bring files in, and return how the program ends.

    Args:
        match: what a record is found by besides its id, e.g. `id,email,name`.
        most_refused: a number, or a share such as `20%`, of rows that may be refused; with more nothing is written.
        counts: of the rows, as a reading without writing has told them.
    """
    by = _match_by(match)
    total = sum(counts[each] for each in (*PartyKind, "refused", "skipped", "merged"))
    if (refused := counts["refused"]) > _limit(most_refused, total):
        fail(f"Nothing was written: {refused} rows are refused, and --max-refused is {most_refused}. See --report.")
    stored = {"mode": mode, "match": match, **{k: v for k, v in asdict(options).items() if v}}

    async def work() -> int:
        async with opened(settings) as core:
            staff = await _staff(core.db)
            importer = _importer(staff, options.owner)
            import_id = await leases.begin(core.db, importer, paths, stored)
            return await _carry_out(core, import_id, importer, staff, paths, options, mode, by, report, total, as_json)

    return run(_told(work()), settings)


def resume(settings: Settings, import_id: int, report: Path | None, *, as_json: bool) -> int:
    """Go on with an import that was cut off, and return how the program ends."""

    async def work() -> int:
        async with opened(settings) as core:
            known = await _known(core.db, import_id)
            if known.state not in (ImportState.RUNNING, ImportState.FAILED):
                fail(f"The import {import_id} is {known.state.lower()}: there is nothing to resume.")
            paths = [Path(each["path"]) for each in known.files]
            for path, each in zip(paths, known.files, strict=True):
                if not path.is_file() or leases.fingerprint(path)["sha256"] != each["sha256"]:
                    raise FilesChanged(str(path))
            await leases.wait_for_lease(core.db, import_id, _say_waiting)
            await leases.take_over(core.db, import_id, ImportState.RUNNING)
            given = dict(known.options)
            mode, by = given.pop("mode"), _match_by(given.pop("match"))
            options = Options(**{name: _option(name, value) for name, value in given.items() if name in _OPTIONS})
            staff = await _staff(core.db)
            (importer,) = (each for each in staff if each.id == known.staff_id)
            return await _carry_out(core, import_id, importer, staff, paths, options, mode, by, report, None, as_json)

    return run(_told(work()), settings)


_OPTIONS = frozenset(each.name for each in fields(Options))


def _option(name: str, value: Any) -> Any:
    return PartyKind(value) if name == "kind" else value


async def _carry_out(
    core: Core,
    import_id: int,
    importer: Staff,
    staff: list[Staff],
    paths: list[Path],
    options: Options,
    mode: Mode,
    by: tuple[MatchBy, ...],
    report: Path | None,
    total: int | None,
    as_json: bool,
) -> int:
    named = [records.Staff(each.email or "", each.name, each is importer) for each in staff if each.email]
    actor = runs.actor_of(importer, import_id, options.region or core.region)
    finder = runs.Finder(core.db)
    reading = open_set(paths, options, named, stored=finder.is_stored)
    how = How(mode, by, {each.email: each.id for each in staff if each.email}, StaffRef(importer.email or ""))
    found = Report(reading, report)

    def told(event: Event, outcome: Outcome) -> None:
        found.take(event, outcome)

    with _progress(total, as_json=as_json) as show:
        running = Run(
            core.db,
            actor,
            reading,
            how,
            photos=Photos(core.record_photos, core.max_photo_bytes),
            told=told,
            progress=show,
        )
        try:
            done = await running.carry_out()
        except BaseException as error:
            # Whatever it was, the import can be resumed from its last batch.
            await asyncio.shield(running.fail(str(error) or type(error).__name__))
            raise
        finally:
            found.close()
    outcomes = done.outcomes
    if as_json:
        by_kind = {kind: dict(counts) for kind, counts in done.counts.items()}
        print_json({"import": import_id, **found.summary(), "outcomes": by_kind})
    else:
        words = ", ".join(f"{each.lower()} {outcomes[each]}" for each in Outcome if outcomes[each])
        print_text(f"Imported: {words or 'nothing'}. To take it back: crmgraph import undo {import_id}")
    if outcomes[Outcome.REFUSED]:
        return (
            REFUSED if outcomes[Outcome.CREATED] + outcomes[Outcome.UPDATED] + outcomes[Outcome.UNCHANGED] else NOTHING
        )
    return 0


def take_back(settings: Settings, import_id: int, *, dry_run: bool, as_json: bool) -> int:
    """Undo an import, and return how the program ends."""

    async def work() -> int:
        async with opened(settings) as core:
            known = await _known(core.db, import_id)
            if known.state is ImportState.UNDONE:
                fail(f"The import {import_id} is undone already.")
            await leases.wait_for_lease(core.db, import_id, _say_waiting)
            if not dry_run:
                await leases.take_over(core.db, import_id, ImportState.UNDOING)
            staff = {each.id: each for each in await _staff(core.db, everybody=True)}
            actor = runs.actor_of(staff[known.staff_id], import_id, core.region)
            result = await undo(core.db, actor, import_id, dry_run=dry_run)
            if as_json:
                print_json({"import": import_id, "dry_run": dry_run, **asdict(result)})
                return REFUSED if result.failed else 0
            would = "Would be undone" if dry_run else "Undone"
            print_text(f"{would}: {result.reversed} records; kept {len(result.kept)}, failed {len(result.failed)}.")
            for at, kind, party_id, why in (*result.kept, *result.failed)[:SHOWN]:
                print_text(f"  {kind.lower()} {party_id} ({at}): {why}")
            if (more := len(result.kept) + len(result.failed) - SHOWN) > 0:
                print_text(f"  and {more} more: --json tells all")
            return REFUSED if result.failed else 0

    return run(_told(work()), settings)


def show(settings: Settings, import_id: int | None, *, as_json: bool) -> None:
    """Tell one import, or the last ones."""

    async def work() -> None:
        async with opened(settings) as core:
            found = await leases.latest(core.db) if import_id is None else [await _known(core.db, import_id)]
            if as_json:
                told = [_as_json(each) for each in found]
                print_json(told[0] if import_id is not None else {"imports": told})
                return
            for each in found:
                print_text(_as_line(each))
            if import_id is not None:
                for file in found[0].files:
                    print_text(f"  {file['path']}: {file['bytes']:,} bytes")
                for kind, counts in sorted(found[0].counts.items()):
                    said = ", ".join(f"{name.lower()} {count}" for name, count in sorted(counts.items()))
                    print_text(f"  {kind.lower() or 'rows of no record'}: {said}")

    run(work(), settings)


def _as_json(each: Import) -> dict[str, Any]:
    moments = {name: getattr(each, name) for name in ("created_at", "finished_at")}
    told = {name: None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in moments.items()}
    values = {name: getattr(each, name) for name in ("id", "state", "files", "options", "position", "counts", "fault")}
    return {**values, **told}


def _as_line(each: Import) -> str:
    names = ", ".join(file["name"] for file in each.files)
    total = {outcome: sum(c.get(outcome, 0) for c in each.counts.values()) for outcome in Outcome}
    said = ", ".join(f"{name.lower()} {count}" for name, count in total.items() if count)
    why = f" ({each.fault})" if each.fault else ""
    return f"{each.id}  {each.created_at:%Y-%m-%d %H:%M}  {each.state.lower()}{why}  {names}: {said or 'nothing yet'}"


async def _told(work: Coroutine[Any, Any, int]) -> int:
    """What the work returns; what it is refused for ends in one line."""
    try:
        return await work
    except ImportBusy as busy:
        fail(f"The import {busy.import_id} is being carried out; if it was killed, try again in {busy.seconds:.0f} s.")
    except FilesChanged as changed:
        fail(f"{changed.name}: this is not the file that the import began with; import it anew")


async def _known(db: Database, import_id: int) -> Import:
    known = await leases.get(db, import_id)
    if known is None:
        fail(f"There is no import {import_id}: see crmgraph import list")
    return known


async def _staff(db: Database, *, everybody: bool = False) -> list[Staff]:
    query = select(Staff).order_by(Staff.id)
    async with db.read() as session:
        return list(await session.scalars(query if everybody else query.where(Staff.active)))


def _importer(staff: list[Staff], owner: str | None) -> Staff:
    """Whoever brings the files in: the one who is named, else the only administrator."""
    chosen = [each for each in staff if each.email and (each.email == owner if owner else each.role is Role.ADMIN)]
    if len(chosen) == 1:
        return chosen[0]
    if owner:
        fail(f"--owner {owner}: nobody of the staff has this email")
    err.print(
        "Who imports, and owns what belongs to nobody who is known? Say --owner EMAIL: "
        + (", ".join(each.email for each in staff if each.email) or "there is no staff yet, see crmgraph staff add"),
        markup=False,
        highlight=False,
    )
    raise typer.Exit(ASKED)


def _match_by(given: str) -> tuple[MatchBy, ...]:
    words = [word.strip().lower() for word in given.split(",") if word.strip()]
    known = {each.value for each in MatchBy} | {"id"}
    if unknown := [word for word in words if word not in known]:
        fail(f"--match {given}: {unknown[0]} is none of {', '.join(sorted(known))}")
    return tuple(MatchBy(word) for word in words if word != "id")


def _limit(given: str, rows: int) -> float:
    text = given.strip()
    try:
        return rows * float(text.removesuffix("%")) / 100 if text.endswith("%") else int(text)
    except ValueError:
        fail(f"--max-refused {given}: a number of rows, or a share such as 20%")


@contextmanager
def _progress(total: int | None, *, as_json: bool) -> Iterator[Any]:
    """Tells how far an import is: on a terminal in one line that changes, with `--json` a line of JSON a second."""
    began = last = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal last
        at = time.monotonic()
        if at - last < 1:
            return
        last = at
        outcomes = progress.outcomes
        rate = progress.done / max(at - began, 0.001)
        if as_json:
            told = {"done": progress.done, "total": total, "rate": round(rate), "refused": outcomes["REFUSED"]}
            sys.stderr.write(json.dumps(told) + "\n")
        elif err.is_terminal:
            left = f"  about {(total - progress.done) / rate:.0f} s left" if total else ""
            of = f" / {total:,}" if total else ""
            refused = f"  refused {outcomes['REFUSED']}" if outcomes["REFUSED"] else ""
            sys.stderr.write(f"\r\x1b[Krows {progress.done:,}{of}  {rate:,.0f}/s{refused}{left}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        if err.is_terminal and not as_json:
            sys.stderr.write("\r\x1b[K")


def _say_waiting(seconds: float) -> None:
    err.print(f"Whoever carried it out may still be at it: waiting {seconds:.0f} s.", markup=False, highlight=False)
