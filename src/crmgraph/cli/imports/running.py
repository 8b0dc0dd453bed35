"""`crmgraph import FILE...` and `resume`: files are read once, told, and brought in."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import typer
from sqlalchemy import select

from crmgraph.cli.console import err, fail, opened, plainly, print_json, print_text, run
from crmgraph.cli.imports import looking, progress
from crmgraph.cli.imports.listing import fail_of, known, say_waiting
from crmgraph.cli.imports.looking import ASKED, NOTHING, REFUSED
from crmgraph.crm.core import Core
from crmgraph.crm.models import ImportState, Outcome, PartyKind, Role, Staff
from crmgraph.crm.records.entity_resolution import MatchBy
from crmgraph.db.database import Database
from crmgraph.imports import records
from crmgraph.imports.reading import Reading, open_set
from crmgraph.imports.records import Options, StaffRef
from crmgraph.imports.reports import Report
from crmgraph.imports.writing import leases, runs
from crmgraph.imports.writing.batches import How, Mode
from crmgraph.imports.writing.collecting import rare_collections
from crmgraph.imports.writing.leases import FilesChanged, ImportBusy
from crmgraph.imports.writing.photos import Photos
from crmgraph.imports.writing.runs import Run
from crmgraph.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of an import besides its options.

    Attributes:
        match: what a record is found by besides its id, e.g. `id,email,name`.
        consent: `replace` where the files may withdraw an opt-out.
        most_refused: a number, or a share such as `20%`, of rows that may be refused; with more nothing is written.
        ask: whether somebody is there to answer.
    """

    dry_run: bool
    mode: Mode
    match: str
    consent: str
    most_refused: str
    report: Path | None
    save_map: Path | None
    as_json: bool
    ask: bool


def bring_in(paths: list[Path], options: Options, settings: Settings, asked: Asked) -> int:
    """Look at files, tell what they hold, and bring them in; how the program ends."""
    with _opened(settings) as (runner, core):
        staff = runner.run(staff_of(core.db))
        importer = _importer(staff, options.owner)
        if importer is None and not asked.dry_run:
            _ask_for_importer(staff)

        def stored(kind: PartyKind, externals: Any) -> list[records.External]:
            return runner.run(runs.stored(core.db, externals))

        with _refused_options():
            reading, options = looking.look(paths, options, _named(staff, importer), stored, ask=asked.ask)
        with closing(reading), rare_collections():
            with _refused_options():
                if asked.save_map is not None:
                    looking.save_map(asked.save_map, options, reading)
                code, counts = looking.tell(reading, asked.report, as_json=asked.as_json, dry_run=asked.dry_run)
            if asked.dry_run or code not in (0, REFUSED):
                return code
            if asked.ask and not typer.confirm("Write this?", err=True):
                return NOTHING
            total = _require_few_refused(counts, asked.most_refused)
            assert importer is not None  # noqa: S101 - else it was asked
            how = {"mode": asked.mode, "match": asked.match, "consent": asked.consent}
            given = {**how, **{k: v for k, v in asdict(options).items() if v}}

            async def write() -> int:
                try:
                    import_id = await leases.begin(core.db, importer, paths, given)
                except ImportBusy as busy:
                    fail_of(busy)
                done = Started(core, import_id, importer, staff, given)
                return await _carry_out(done, reading, asked.report, total, as_json=asked.as_json)

            return runner.run(write())


def resume(settings: Settings, import_id: int, report: Path | None, *, as_json: bool) -> int:
    """Go on with an import that was cut off; how the program ends."""

    async def work() -> int:
        async with opened(settings) as core:
            found = await known(core.db, import_id)
            if found.state is ImportState.UNDOING:
                fail(f"The import {import_id} is being undone: go on with crmgraph import undo {import_id}")
            if found.state not in (ImportState.RUNNING, ImportState.FAILED):
                fail(f"The import {import_id} is {found.state.lower()}: there is nothing to resume.")
            if any("object" in each for each in found.files):
                fail(
                    f"The import {import_id} was brought in through GraphQL, and its files lie where the server keeps "
                    "them: a server goes on with one that is running, and startImport with one that has failed. "
                    f"crmgraph import undo {import_id} takes it back."
                )
            paths = [Path(each["path"]) for each in found.files]
            for path, each in zip(paths, found.files, strict=True):
                if not path.is_file() or leases.fingerprint(path)["sha256"] != each["sha256"]:
                    fail_of(FilesChanged(str(path)))
            await leases.wait_for_lease(core.db, import_id, say_waiting)
            try:
                await leases.take_over(core.db, import_id, ImportState.RUNNING)
            except ImportBusy as busy:
                fail_of(busy)
            given = dict(found.options)
            options = Options(**{name: _option(name, value) for name, value in given.items() if name in _OPTIONS})
            staff = await staff_of(core.db)
            (importer,) = (each for each in staff if each.id == found.staff_id)
            finder = runs.Finder(core.db)
            reading = open_set(paths, options, _named(staff, importer), stored=finder.stored)
            started = Started(core, import_id, importer, staff, given)
            return await _carry_out(started, reading, report, None, as_json=as_json)

    return run(work(), settings)


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[asyncio.Runner, Core]]:
    """The store for a command that reads files, which takes long, between what it asks the store."""
    with plainly(settings), asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield runner, runner.run(stack.enter_async_context(opened(settings)))
        finally:
            runner.run(stack.aclose())


@contextmanager
def _refused_options() -> Iterator[None]:
    """Lets what an option is to blame for, or a file, end the program in one line."""
    try:
        yield
    except (ValueError, LookupError, OSError) as error:
        fail(str(error))


_OPTIONS = frozenset(each.name for each in fields(Options))


def _option(name: str, value: Any) -> Any:
    return PartyKind(value) if name == "kind" else value


@dataclass(frozen=True, slots=True)
class Started:
    """An import that this process has claimed.

    Attributes:
        importer: owns what belongs to nobody who is known.
        staff: of the store.
        given: what is stored of it: its options, `mode` and `match`.
    """

    core: Core
    import_id: int
    importer: Staff
    staff: list[Staff]
    given: Mapping[str, Any]


async def _carry_out(
    started: Started, reading: Reading, report: Path | None, total: int | None, *, as_json: bool
) -> int:
    core, import_id, given = started.core, started.import_id, started.given
    actor = runs.actor_of(started.importer, import_id, given.get("region") or core.region)
    emails = {each.email: each.id for each in started.staff if each.email}
    opts_in = given.get("consent") == "replace"
    how = How(given["mode"], _match_by(given["match"]), emails, StaffRef(started.importer.email or ""), opts_in)
    found = Report(reading, report)
    with progress.shown(total, as_json=as_json) as show:
        running = Run(
            core.db,
            actor,
            reading,
            how,
            photos=Photos(core.record_photos, core.max_photo_bytes),
            told=found.take,
            progress=show,
        )
        try:
            done = await running.carry_out()
            await running.end()
        except BaseException as error:
            # Whatever it was, the import can be resumed from its last batch.
            await asyncio.shield(running.fail(str(error) or type(error).__name__))
            if isinstance(error, ImportBusy):
                fail_of(error)
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


async def staff_of(db: Database, *, everybody: bool = False) -> list[Staff]:
    """The staff of the store.

    Args:
        everybody: whether those who have left are among them.
    """
    query = select(Staff).order_by(Staff.id)
    async with db.read() as session:
        return list(await session.scalars(query if everybody else query.where(Staff.active)))


def _importer(staff: list[Staff], owner: str | None) -> Staff | None:
    """Whoever brings the files in: the one who is named, else the only administrator; None where there are several."""
    chosen = [each for each in staff if each.email and (each.email == owner if owner else each.role is Role.ADMIN)]
    if owner and not chosen:
        fail(f"--owner {owner}: nobody of the staff has this email")
    return chosen[0] if len(chosen) == 1 else None


def _named(staff: list[Staff], importer: Staff | None) -> list[records.Staff]:
    """The staff as a reading knows them."""
    return [records.Staff(each.email, each.name, each is importer) for each in staff if each.email]


def _ask_for_importer(staff: list[Staff]) -> NoReturn:
    err.print(
        "Who imports, and owns what belongs to nobody who is known? Say --owner EMAIL: "
        + (", ".join(each.email for each in staff if each.email) or "there is no staff yet, see crmgraph staff add"),
        markup=False,
        highlight=False,
    )
    raise typer.Exit(ASKED)


def _match_by(given: str) -> tuple[MatchBy, ...]:
    words = [word.strip().lower() for word in given.split(",") if word.strip()]
    return tuple(MatchBy(word) for word in words if word != "id")


def require_known_match(given: str) -> None:
    """End unless `--match` says what a record can be found by."""
    words = [word.strip().lower() for word in given.split(",") if word.strip()]
    known_words = {each.value for each in MatchBy} | {"id"}
    if unknown := [word for word in words if word not in known_words]:
        fail(f"--match {given}: {unknown[0]} is none of {', '.join(sorted(known_words))}")


def _require_few_refused(counts: Mapping[str, int], most: str) -> int:
    """How many rows there are; the program ends where too many of them are refused."""
    total = sum(counts[each] for each in (*PartyKind, "refused", "skipped", "merged"))
    if (refused := counts["refused"]) > _limit(most, total):
        fail(f"Nothing was written: {refused} rows are refused, and --max-refused is {most}. See --report.")
    return total


def _limit(given: str, rows: int) -> float:
    text = given.strip()
    try:
        return rows * float(text.removesuffix("%")) / 100 if text.endswith("%") else int(text)
    except ValueError:
        fail(f"--max-refused {given}: a number of rows, or a share such as 20%")
