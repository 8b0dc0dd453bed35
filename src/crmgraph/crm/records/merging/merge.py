"""Merge: records of one person, company or lead become one.

One record stays and takes what the others have: what it lacks, what the caller chose, and everything that belongs to
them or names them. They stand among the deleted from then on, and whatever they were called leads to the one that
stays, for good. What it does not take is told, and stays with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Forbidden, Invalid, Missing, NotFound, Refused, Stale, TooLarge, refuse
from crmgraph.crm.models import (
    Account,
    Action,
    Contact,
    Credential,
    Lead,
    Merge,
    MergedRow,
    Note,
    PartyKind,
    Photo,
    now,
    values_of,
)
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, MODELS, Actor, may_see_identity, require_staff
from crmgraph.crm.query.former_ids import heirs
from crmgraph.crm.records import hierarchies
from crmgraph.crm.records.aggregates import PARTS, Aggregate, load_for_change
from crmgraph.crm.records.change_log import Changes, plain
from crmgraph.crm.records.hierarchies import HIERARCHIES
from crmgraph.crm.records.keys import name_key
from crmgraph.crm.records.leads import unworkable
from crmgraph.crm.records.merging import moves
from crmgraph.crm.records.merging.moves import Way
from crmgraph.crm.records.merging.rows import MovedRows, too_many, unite_rows
from crmgraph.crm.records.merging.superiors import Superiors
from crmgraph.crm.records.merging.values import Dropped, Taken, choosable, group_of, united
from crmgraph.crm.records.rules import check_extra_fields
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.db.database import database_of

MAX_MERGED = 10
"""The most records that go by one merge."""
_MERGING = {kind: int.from_bytes(f"mer{kind.value[:3]}".encode(), "big") for kind in PartyKind}
"""{kind: the number of the advisory lock under which records are merged}."""
PHOTO, LOGIN = "photo", "login"
"""What may be chosen besides columns."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose value the record that stays is to have.

    Attributes:
        name: a column, or `photo` or `login`; None for what there is none of.
        source: the record that goes; None for one that is none of them.
    """

    name: str | None
    source: int | None


@dataclass(slots=True)
class Merged:
    """What became of a merge, or in a dry run would become.

    Attributes:
        stays: the record as it is now.
        preview: what has changed of it, as the log has it.
        dropped: (record that goes, what of it was not taken).
        merged_ids: the records that lead to it now and did not before.
    """

    stays: Aggregate
    preview: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[tuple[int, Dropped]] = field(default_factory=list)
    merged_ids: list[int] = field(default_factory=list)


async def merge(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    into: int | None,
    sources: Sequence[int | None],
    *,
    take: Sequence[Choice] = (),
    if_revisions: Sequence[tuple[int | None, int]] = (),
    dry_run: bool = False,
    faults: Iterable[Refused] = (),
) -> Merged:
    """Merge records into one of their kind.

    Args:
        into: who stays; None where a fault says why it is not known.
        sources: who goes, likewise. One that was merged into the other already, e.g. by the same request before, counts
            as done.
        take: what is taken of those who go in place of what the other has.
        if_revisions: (record, the revision that the caller read); another one now is refused.
        dry_run: find every fault, tell what would be, and change nothing.
        faults: what is wrong with the request already, to be told with everything that is found here.

    Raises:
        Refused: every fault at once: NotFound of `into` or `from`; Invalid (`same`) of `from`; Stale of `if_revisions`;
            NotApproved, Locked, Invalid (`converted`) of leads; Invalid (`two_logins`) of `from`, both contacts have a
            login and none was chosen; Invalid (`choice`) of `take`; Forbidden of `take`, documents that the actor may
            not see; TooLarge.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    found = list(faults)
    if not sources:
        found.append(Missing(("from",)))
    if len(sources) > MAX_MERGED:
        raise TooLarge(("from",), MAX_MERGED)
    wanted = _Wanted(session, actor, kind, take, if_revisions)
    if not dry_run:
        return await wanted.merge(into, sources, found)
    async with session.begin_nested() as savepoint:
        done = await wanted.merge(into, sources, found)
        await savepoint.rollback()
    return done


class _Wanted:
    """One merge, within its transaction."""

    def __init__(
        self,
        session: AsyncSession,
        actor: Actor,
        kind: PartyKind,
        take: Sequence[Choice],
        if_revisions: Sequence[tuple[int | None, int]],
    ) -> None:
        self._session = session
        self._actor = actor
        self._kind = kind
        self._model: Any = MODELS[kind]
        self._take = take
        self._if_revisions = if_revisions

    async def merge(self, into: int | None, sources: Sequence[int | None], faults: list[Refused]) -> Merged:
        given = [each for each in (into, *sources) if each is not None]
        loaded, now_at = await self._lock(given)
        stays = loaded.get(now_at.get(into or 0, 0))
        if into is not None and stays is None:
            faults.append(NotFound(("into",)))
        going: list[Aggregate] = []
        for place, source in enumerate(sources):
            goes = loaded.get(now_at.get(source or 0, 0))
            if source is None:
                continue  # a fault says why
            if goes is None:
                faults.append(NotFound(("from", place)))
            elif stays is not None and goes.id == stays.id:
                if source == into:
                    faults.append(Invalid(("from", place), "same"))
            elif goes not in going:
                going.append(goes)
        faults += self._faults(stays, going, now_at)
        if stays is None:
            refuse(faults)
            raise NotFound(("into",))
        logins = await self._logins([stays, *going])
        faults += self._login_faults(stays, going, sources, now_at, logins)
        refuse(faults)
        done = Merged(stays)
        if going:
            await self._carry_out(done, stays, going, logins)
        return done

    async def _lock(self, given: Sequence[int]) -> tuple[dict[int, Aggregate], dict[int, int]]:
        """The records, taken for writing, and {id that was given: id of the record that it leads to by now}.

        Whoever names those that are to go is locked first, leads before contacts before accounts, each by their ids.
        """
        if not database_of(self._session).is_sqlite:
            # One merge of a kind at a time: whoever a record leads to is locked after it, whatever their ids.
            await self._session.execute(select(func.pg_advisory_xact_lock(_MERGING[self._kind])))
            await self._lock_naming(given)
        parts = (*PARTS, "relations")
        unit = Transaction(self._session)
        now_at = {own_id: own_id for own_id in given}
        loaded = await load_for_change(unit, self._actor, self._kind, sorted(set(given)), parts=parts)
        # Another merge may have come first.
        if missing := set(given) - loaded.keys():
            led = await heirs(self._session, self._actor, self._model, missing)
            now_at |= led
            if more := set(led.values()) - loaded.keys():
                loaded |= await load_for_change(unit, self._actor, self._kind, sorted(more), parts=parts)
        return loaded, now_at

    async def _lock_naming(self, given: Sequence[int]) -> None:
        naming: dict[PartyKind, dict[Any, Any]] = {
            PartyKind.CONTACT: {Lead: Lead.converted_contact_id, Contact: Contact.reports_to_id},
            PartyKind.ACCOUNT: {
                Lead: Lead.converted_account_id,
                Contact: Contact.account_id,
                Account: Account.parent_id,
            },
        }
        for model, column in naming.get(self._kind, {}).items():
            held = column.in_(given)
            if model is self._model:
                held |= model.id.in_(given)
            locking = select(model.id).where(held).order_by(model.id).with_for_update(key_share=True)
            await self._session.execute(locking)

    def _faults(
        self, stays: Aggregate | None, going: Sequence[Aggregate], now_at: Mapping[int, int]
    ) -> Iterable[Refused]:
        everybody = {each.id: each for each in (stays, *going) if each is not None}
        for place, (own_id, revision) in enumerate(self._if_revisions):
            one = everybody.get(now_at.get(own_id or 0, 0))
            if one is None:
                yield NotFound(("if_revisions", place, "id"))
            elif one.record.revision != revision:
                yield Stale(("if_revisions", place, "revision"), one.record.revision, revision, one.record)
        for each in everybody.values():
            if isinstance(each.record, Lead):
                yield from unworkable(each.record)
        known = choosable(self._model) | ({PHOTO, LOGIN} if self._kind is PartyKind.CONTACT else {PHOTO})
        chosen: set[str] = set()
        for place, choice in enumerate(self._take):
            if choice.name not in known:
                yield Invalid(("take", place, "field"), "choice")
            elif chosen.intersection(group_of(choice.name or "")):
                yield Invalid(("take", place, "field"), "again")
            elif choice.source is not None and now_at.get(choice.source) not in everybody:
                yield NotFound(("take", place, "from"))
            elif choice.name in IDENTITY_DOCUMENTS and not (stays and may_see_identity(self._actor, stays.id)):
                yield Forbidden(("take", place, "field"))
            chosen.update(group_of(choice.name or ""))
        if stays is not None:
            for goes in going:
                yield from too_many(stays, goes)

    async def _logins(self, everybody: Sequence[Aggregate]) -> dict[int, str]:
        """{contact: the email of its login}; whoever changes one waits."""
        if self._kind is not PartyKind.CONTACT:
            return {}
        of = Credential.contact_id.in_([each.id for each in everybody])
        query = select(Credential.contact_id, Credential.email).where(of, Credential.live.is_(True))
        rows = await self._session.execute(query.order_by(Credential.id).with_for_update())
        return {contact_id: email for contact_id, email in rows if contact_id is not None}

    def _login_faults(
        self,
        stays: Aggregate,
        going: Sequence[Aggregate],
        sources: Sequence[int | None],
        now_at: Mapping[int, int],
        logins: Mapping[int, str],
    ) -> Iterable[Refused]:
        """Nobody loses their way in without its being said which of two stays: by `take`, which may name `into`."""
        holders = [each.id for each in (stays, *going) if each.id in logins]
        if len(holders) < 2 or any(choice.name == LOGIN for choice in self._take):
            return
        for place, source in enumerate(sources):
            if source is not None and now_at.get(source) in holders:
                yield Invalid(("from", place), "two_logins")

    async def _carry_out(
        self, done: Merged, stays: Aggregate, going: Sequence[Aggregate], logins: Mapping[int, str]
    ) -> None:
        for column in moves.NAMING[self._kind]:
            await moves.require_free(self._session, self._actor, column, column.in_([each.id for each in going]))
        written = WriteSet(Transaction(self._session), self._actor)
        above = await self._read_above(stays, going)
        for goes in going:
            chosen = {choice.name for choice in self._take if choice.name and choice.source == goes.id}
            changes = Changes(self._actor)
            changes.column(f"merged_{self._kind.value.lower()}_id", None, goes.id)
            taken = united(stays.record, goes.record, chosen, besides={HIERARCHIES[self._model]} if above else ())
            if above is not None:
                above.take(taken, stays, goes, chosen)
            refuse(_too_much(stays, taken))
            rows = unite_rows(stays, goes, changes, self._actor.region)
            taken.dropped += [*rows.dropped, Dropped("number", goes.record.number, stays.record.number)]
            way = await self._begin(stays, goes, taken, rows)
            for row in rows.parted:
                written.leave_out(row)
            written.touch(*rows.touched)
            count = (await moves.move(way, name_key(stays.record)))[moves.part_of(Note.party_id)]
            changes.column("notes", 0, count)
            await moves.move_ids(way, goes.record)
            for part, twins in rows.twins.items():
                await moves.move_row_ids(way, part, twins)
            await self._unite_photos(way, stays, goes, PHOTO in chosen, taken, changes)
            await self._unite_logins(way, LOGIN in chosen, logins, taken, changes)
            entry = await written.take(stays, taken.values, taken.extra_fields, changes, Action.MERGED)
            written.remove(goes, merged_into=stays.id)
            done.preview += self._shown(entry.columns()["fields"], stays.id)
            done.dropped += [(goes.id, each) for each in taken.dropped if self._is_shown(each.path, stays.id)]
            done.merged_ids.append(goes.id)
        await written.write()

    async def _begin(self, stays: Aggregate, goes: Aggregate, taken: Taken, rows: MovedRows) -> Way:
        """Keep what it takes to undo the merge."""
        before = {
            "values": {
                name: [plain(getattr(stays.record, name)), plain(value)] for name, value in taken.values.items()
            },
            "extra_fields": taken.extra_fields,
            "filled": rows.filled,
            "twins": {part: [[row_id, twin.id] for row_id, twin in twins] for part, twins in rows.twins.items()},
            "parted": [{name: plain(value) for name, value in values_of(row).items()} for row in rows.parted],
        }
        values = {"kind": self._kind, "into_id": stays.id, "from_id": goes.id, "at": now(), "before": before}
        merge_id = await self._session.scalar(insert(Merge).values(values).returning(Merge.id))
        assert merge_id is not None  # noqa: S101 - what was written has an id
        moved = [
            {"merge_id": merge_id, "part": f"{row.__tablename__}.party_id", "row_id": row.id} for row in rows.touched
        ]
        if moved:
            await self._session.execute(insert(MergedRow), moved)
        return Way(self._session, merge_id, self._kind, goes.id, stays.id)

    async def _unite_photos(
        self, way: Way, stays: Aggregate, goes: Aggregate, is_chosen: bool, taken: Taken, changes: Changes
    ) -> None:
        mine, theirs = stays.photo, goes.photo
        if theirs is None or (mine is not None and not is_chosen):
            if theirs is not None:
                taken.dropped.append(Dropped(PHOTO, theirs.file_name, mine.file_name if mine else None))
            return
        changes.replaced(PHOTO, mine.file_name if mine else None, theirs.file_name)
        await moves.swap_photos(way.session, stays.id, goes.id)
        await way.keep(PHOTO)
        stays.photo = Photo(**{**values_of(theirs), "party_id": stays.id})

    async def _unite_logins(
        self, way: Way, is_chosen: bool, logins: Mapping[int, str], taken: Taken, changes: Changes
    ) -> None:
        mine, theirs = logins.get(way.stays), logins.get(way.goes)
        if theirs is None or (mine is not None and not is_chosen):
            taken.dropped += [Dropped(LOGIN, theirs, mine)] if theirs is not None else []
            return
        changes.replaced(LOGIN, mine, theirs)
        await moves.swap_logins(way.session, way.stays, way.goes)
        await way.keep(LOGIN)

    async def _read_above(self, stays: Aggregate, going: Sequence[Aggregate]) -> Superiors | None:
        """What stands above them, of a kind with a hierarchy; None where nothing does."""
        column, everybody = HIERARCHIES.get(self._model), [stays, *going]
        if column is None or all(getattr(each.record, column) is None for each in everybody):
            return None
        edges = await hierarchies.ways_up(self._session, self._model, {each.id for each in everybody})
        return Superiors(column, edges)

    def _is_shown(self, path: str, own_id: int) -> bool:
        return path not in IDENTITY_DOCUMENTS or may_see_identity(self._actor, own_id)

    def _shown(self, fields: list[dict[str, Any]], own_id: int) -> list[dict[str, Any]]:
        """What of a change is told to its author: who may not see documents does not learn who has which."""
        return [each for each in fields if self._is_shown(each["field"], own_id)]


def _too_much(stays: Aggregate, taken: Taken) -> list[Refused]:
    """The faults of what one dialect alone knows, where it would be more of one record than is kept."""
    merged = {
        dialect: {**stays.record.extra_fields.get(dialect, {}), **deepcopy(keys)}
        for dialect, keys in taken.extra_fields.items()
    }
    return list(check_extra_fields(merged, ()))
