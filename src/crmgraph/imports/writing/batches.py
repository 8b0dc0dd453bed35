"""A batch: records of a reading that are matched and written in one transaction, with the checkpoint of the import."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import HeldUpstream, Refused
from crmgraph.crm.models import Email, ImportRow, Lead, Note, Outcome, PartyKind, Phone
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.query.conditions import Compare, Op, Point
from crmgraph.crm.records import aggregates, entity_resolution, external_ids, uniqueness
from crmgraph.crm.records.aggregates import ROWS, Aggregate
from crmgraph.crm.records.duplicates import finding
from crmgraph.crm.records.edits import Edit, ExternalIdValue, Stamp
from crmgraph.crm.records.entity_resolution import MatchBy, Wanted
from crmgraph.crm.records.leads import unworkable
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.crm.values.phone_numbers import parse_phone
from crmgraph.crm.values.text import email_key
from crmgraph.imports.records import Record, Ref, Refusal, StaffRef, StoredRef, Warned
from crmgraph.imports.writing import edits
from crmgraph.imports.writing.ids import Named

Mode = Literal["upsert", "create", "update"]

_ORDER = (PartyKind.LEAD, PartyKind.CONTACT, PartyKind.ACCOUNT)
"""In which records are locked, see `crm/records/uniqueness.py`."""
_KEPT = ("phones", "emails", "addresses")


@dataclass(frozen=True, slots=True)
class How:
    """How records are written.

    Attributes:
        mode: `upsert` changes whom it finds and makes the others, `create` leaves alone whom it finds, `update` makes
            nobody.
        by: what a record is found by besides the id of its source, in this order.
        staff: {email: id}, of whoever may be an owner.
        importer: who owns what belongs to nobody who is known.
        opts_in: whether a file may withdraw an opt-out.
    """

    mode: Mode
    by: tuple[MatchBy, ...]
    staff: Mapping[str, int]
    importer: StaffRef
    opts_in: bool = False


@dataclass(slots=True)
class Row:
    """A record on its way into the store.

    Attributes:
        digest: of what the file says of it.
        outcome: what becomes of it.
        aggregate: the record, once it was found or made.
        refusal: why there is none.
        before: what an update has changed, see `ImportRow`.
        later: {column: what names another record that is not written yet}.
        is_uncertain: whether it may be any of several records that there are, so that it became one of its own.
    """

    record: Record
    digest: str
    outcome: Outcome = Outcome.UNCHANGED
    aggregate: Aggregate | None = None
    refusal: Refusal | None = None
    before: dict[str, Any] | None = None
    later: dict[str, Ref] = field(default_factory=dict)
    is_uncertain: bool = False


class Batch:
    """Records that are decided together, and written by one transaction.

    Args:
        session: in the transaction.
        actor: the import.
        ids: {a record of the files: its id}, of those `named_by` its records that were dealt with by now.
    """

    def __init__(self, session: AsyncSession, actor: Actor, how: How, ids: Mapping[Named, int]) -> None:
        self._session = session
        self._actor = actor
        self._how = how
        self._ids = ids
        self._made: dict[Named, int] = {}
        self._written = WriteSet(Transaction(session), actor)
        self._stored: dict[ExternalIdValue, int] = {}
        self._gone: dict[ExternalIdValue, int] = {}
        self._told: dict[int, frozenset[str]] = {}

    async def decide(self, records: Sequence[Record]) -> list[Row]:
        """Find each record or make it, in memory. What is wrong with a value costs the value, and is told."""
        rows = [Row(record, edits.digest_of(record)) for record in records]
        await self._find_stored(records)
        found = await self._match(rows)
        done = await self._done(rows, found)
        # What was deleted at its source is made, or is there already, whether or not somebody has brought it back.
        done |= {n for row, n in zip(rows, found, strict=True) if n is not None and row.record.deleted_at is not None}
        loaded: dict[int, Aggregate] = {}
        for kind in _ORDER:
            wanted = {own_id for row, own_id in zip(rows, found, strict=True) if own_id and row.record.kind is kind}
            if wanted := wanted - done:
                loaded |= await aggregates.load_for_change(
                    Transaction(self._session), self._actor, kind, wanted, parts=_KEPT
                )
        await self._read_notes(rows, loaded)
        open_ones = []
        for row, own_id in zip(rows, found, strict=True):
            row.aggregate = None if own_id is None else loaded.get(own_id)
            if own_id is not None and own_id in done:
                self._made[row.record.kind, row.record.key] = own_id
                row.later = edits.later(row.record, self._resolve)
            else:
                open_ones.append(row)
        planned = [(row.record.kind, row.aggregate, self._edit(row)) for row in open_ones]
        await self._written.expect(planned)
        for row, (_, _, edit) in zip(open_ones, planned, strict=True):
            await self._carry_out(row, edit)
        return rows

    async def write(self, rows: Sequence[Row], import_id: int) -> dict[Named, int]:
        """Write what was decided, and what is needed to undo it; the ids of all records of the batch."""
        await self._written.write()
        brought = [_import_row(row, import_id) for row in rows if row.outcome in (Outcome.CREATED, Outcome.UPDATED)]
        if brought:
            await self._session.execute(insert(ImportRow), brought)
        await self._show_uncertain(rows)
        return self.ids()

    async def _show_uncertain(self, rows: Sequence[Row]) -> None:
        """Show what may be somebody who is here as a duplicate: people decide."""
        for kind in _ORDER:
            made = [row.aggregate.id for row in rows if row.is_uncertain and row.aggregate and row.record.kind is kind]
            if ids := [self._written.id_of(own_id) for own_id in made]:
                await finding.refresh(self._session, kind, ids)

    def ids(self) -> dict[Named, int]:
        """{a record of the files: its id}, of the records of the batch."""
        return {named: self._written.id_of(own_id) for named, own_id in self._made.items()}

    # --- finding

    async def _find_stored(self, records: Sequence[Record]) -> None:
        """Know which of the external ids that the records have and name are those of records here."""
        wanted = {name for each in records if (name := edits.known_by(each)) is not None}
        for record in records:
            wanted |= {edits.external_id(v.external) for v in record.input.values() if isinstance(v, StoredRef)}
            wanted |= set(edits.further_ids(record))
        self._stored = await external_ids.parties(self._session, wanted)
        if gone := {name for each in records if each.deleted_at is not None and (name := edits.known_by(each))}:
            self._gone = await external_ids.parties(self._session, gone - self._stored.keys(), deleted=True)

    async def _match(self, rows: Sequence[Row]) -> list[int | None]:
        """The record of the store that each one is; None for a new one."""
        found: list[int | None] = []
        for row in rows:
            named = self._ids.get((row.record.kind, row.record.key))
            name = edits.known_by(row.record)
            found.append(named or (None if name is None else self._stored.get(name) or self._gone.get(name)))
        for kind in _ORDER:
            unknown = [i for i, own_id in enumerate(found) if own_id is None and rows[i].record.deleted_at is None]
            group = [i for i in unknown if rows[i].record.kind is kind]
            by = self._how.by if kind is not PartyKind.ACCOUNT else (MatchBy.NAME,)
            if kind is PartyKind.ACCOUNT:
                # One that has an id of its source is that one: another of its name is another company.
                group = [i for i in group if rows[i].record.match_name or rows[i].record.external is None]
            if not group or not by:
                continue
            wanted = [_wanted(rows[i].record, by, self._actor.region) for i in group]
            await self._lock(kind, wanted)
            matches = await entity_resolution.match(self._session, self._actor, kind, wanted, by)
            for i, match in zip(group, matches, strict=True):
                found[i] = match.party_id
                if match.ambiguous:
                    rows[i].is_uncertain = True
                    rows[i].record.warnings.append(Warned("AMBIGUOUS", reason="several records are called so"))
        return found

    async def _done(self, rows: Sequence[Row], found: Sequence[int | None]) -> set[int]:
        """Those records that are as an earlier import of a row that said the very same has left them."""
        digests = {own_id: row.digest for row, own_id in zip(rows, found, strict=True) if own_id is not None}
        kinds = {row.record.kind for row, own_id in zip(rows, found, strict=True) if own_id is not None}
        same = set()
        for kind in kinds:
            model: Any = MODELS[kind]
            query = select(ImportRow.party_id, ImportRow.digest).join(model, model.id == ImportRow.party_id)
            query = query.where(ImportRow.party_id.in_(digests), ImportRow.revision == model.revision)
            for party_id, digest in await self._session.execute(query.where(model.deleted_at.is_(None))):
                if digests[party_id] == digest:
                    same.add(party_id)
        return same

    async def _lock(self, kind: PartyKind, wanted: Sequence[Wanted]) -> None:
        values = [Compare(Point(Email.address), Op.EQUALS, email) for each in wanted for email in each.emails]
        values += [Compare(Point(Phone.raw), Op.EQUALS, phone) for each in wanted for phone in each.phones]
        await uniqueness.lock(self._session, self._actor, kind, values)

    async def _read_notes(self, rows: Sequence[Row], loaded: Mapping[int, Aggregate]) -> None:
        """Know the notes of those records that are brought with notes."""
        if loaded and any(row.record.notes for row in rows):
            query = select(Note.party_id, Note.content).where(Note.party_id.in_(loaded))
            told: dict[int, set[str]] = {}
            for party_id, content in await self._session.execute(query):
                told.setdefault(party_id, set()).add(content)
            self._told = {party_id: frozenset(contents) for party_id, contents in told.items()}

    # --- deciding

    def _resolve(self, value: Any) -> int | None:
        match value:
            case Ref(kind, key):
                return self._ids.get((kind, key)) or self._made.get((kind, key))
            case StoredRef(_, external):
                return self._stored.get(edits.external_id(external))
            case StaffRef(email):
                return self._how.staff.get(email)
        return None

    def _edit(self, row: Row) -> Edit:
        if row.aggregate is None:
            return edits.new_edit(row.record, self._resolve)
        return edits.change_edit(
            row.record,
            row.aggregate,
            self._resolve,
            importer=self._how.importer,
            region=self._actor.region,
            told=self._told.get(row.aggregate.id, frozenset()),
            opts_in=self._how.opts_in,
        )

    async def _carry_out(self, row: Row, edit: Edit) -> None:
        record = row.record
        for column, ref in edits.later(record, lambda value: self._ids.get((value.kind, value.key))).items():
            # It may have been made by this batch, since the edit was planned.
            if (own_id := self._made.get((ref.kind, ref.key))) is not None:
                edit.values[column] = own_id
            else:
                row.later[column] = ref
        lead = row.aggregate.record if row.aggregate is not None else None
        if isinstance(lead, Lead) and (unfit := unworkable(lead)):
            row.outcome, row.refusal = Outcome.REFUSED, _refusal(record, unfit)
            return
        is_new = row.aggregate is None
        if self._how.mode == ("update" if is_new else "create") or (is_new and record.only_known):
            row.outcome = Outcome.SKIPPED
            self._note_made(row)
            return
        if record.implied and not is_new:
            # A text that names it says nothing of it, not even how it is spelled.
            self._note_made(row)
            return
        state = edits.take_state(record, edit)
        faults = await self._written.faults_of(record.kind, row.aggregate, edit)
        if faults and (fatal := edits.drop_faults(record, edit, faults)):
            row.outcome, row.refusal = Outcome.REFUSED, _refusal(record, fatal)
            return
        if row.aggregate is None:
            stamp = Stamp(record.created_at, record.updated_at or record.created_at, state=state)
            row.aggregate = await self._written.create(record.kind, edit, stamp=stamp, checked=True)
            if record.deleted_at is not None:
                self._written.remove(row.aggregate, stamp=Stamp(updated_at=record.deleted_at))
            row.outcome = Outcome.CREATED
        else:
            before = _before(row.aggregate, edit, self._stored)
            try:
                changed = await self._written.update(row.aggregate, edit, checked=True)
            except HeldUpstream as held:
                row.outcome, row.refusal = Outcome.REFUSED, _refusal(record, [held])
                return
            if changed:
                row.outcome, row.before = Outcome.UPDATED, before
        self._note_made(row)

    def _note_made(self, row: Row) -> None:
        if row.aggregate is not None:
            self._made[row.record.kind, row.record.key] = row.aggregate.id


def named_by(record: Record) -> Iterator[Named]:
    """The records of the files that a record is, and names."""
    yield record.kind, record.key
    for value in record.input.values():
        if isinstance(value, Ref):
            yield value.kind, value.key


def _wanted(record: Record, by: Sequence[MatchBy], region: str | None) -> Wanted:
    values = record.input
    if record.kind is PartyKind.ACCOUNT:
        return Wanted(values["name"])
    name = " ".join(filter(None, (values.get("firstName"), values.get("lastName"))))
    emails = tuple(email_key(row["address"]) for row in values.get("emails", {}).get("add", ()))
    phones = values.get("phones", {}).get("add", ()) if MatchBy.PHONE in by else ()
    parsed = (parse_phone(row["raw"], region).e164 for row in phones)
    return Wanted(name, emails, tuple(each for each in parsed if each is not None))


def _before(aggregate: Aggregate, edit: Edit, stored: Mapping[ExternalIdValue, int]) -> dict[str, Any]:
    """What an edit is about to change, so that it can be taken back.

    Args:
        stored: whose ids the external ids of the edit are by now.
    """
    record = aggregate.record
    return {
        "values": {name: getattr(record, name) for name in edit.values},
        "extra_fields": {
            system: {key: record.extra_fields.get(system, {}).get(key) for key in keys}
            for system, keys in edit.extra_fields.items()
        },
        "external_ids": [list(each) for each in edit.external_ids.add if stored.get(each) != aggregate.id],
        "notes": [note["content"] for note in edit.notes],
        "rows": {name: [row.id for row in getattr(aggregate, name)] for name in ROWS if getattr(edit, name)},
    }


def _import_row(row: Row, import_id: int) -> dict[str, Any]:
    assert row.aggregate is not None  # noqa: S101 - it was created or updated
    before = row.before
    if before is not None:
        # The rows that came are those that were not there.
        rows = {
            name: [each.id for each in getattr(row.aggregate, name) if each.id not in ids]
            for name, ids in before.pop("rows").items()
        }
        before = {**before, "values": {k: _plain(v) for k, v in before["values"].items()}, "added": rows}
    return {
        "import_id": import_id,
        "kind": row.record.kind,
        "key": row.record.key,
        "at": None if row.record.at is None else str(row.record.at),
        "party_id": row.aggregate.id,
        "outcome": row.outcome,
        "revision": row.aggregate.record.revision,
        "digest": row.digest,
        "before": before,
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _why(fault: Refused) -> str:
    return f"{fault.title} holds it" if isinstance(fault, HeldUpstream) else type(fault).__name__


def _refusal(record: Record, faults: Sequence[Refused]) -> Refusal:
    paths = [".".join(map(str, fault.path)) for fault in faults]
    reason = "; ".join(f"{path or 'the record'}: {_why(fault)}" for path, fault in zip(paths, faults, strict=True))
    code = type(faults[0]).__name__.upper()
    path = tuple(edits.camel(step) if isinstance(step, str) else str(step) for step in faults[0].path)
    assert record.at is not None  # noqa: S101 - what is implied has a name, and nothing else
    return Refusal(record.at, code, reason, path)
