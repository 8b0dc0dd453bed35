"""Unmerge: a record that was merged into another is there again, with what it brought along.

Whatever has gone over goes back, as it is by now; what was filled in or chosen is taken out again unless somebody has
changed it since: that stays where it is, and is told. What has come since stays with the record that stayed.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import case, delete, insert, null, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Circular, Invalid, NotFound, Refused, Taken, refuse
from crmgraph.crm.models import (
    Action,
    Change,
    Contact,
    Credential,
    ExternalId,
    Merge,
    MergedRow,
    PartyKind,
    Relation,
    now,
)
from crmgraph.crm.policy import MODELS, Actor, require_staff
from crmgraph.crm.query import snapshots
from crmgraph.crm.records import hierarchies
from crmgraph.crm.records.aggregates import PARTS, ROWS, Aggregate, load_for_change, wanted
from crmgraph.crm.records.change_log import Changes, RowPath, plain, stored
from crmgraph.crm.records.checks import stale
from crmgraph.crm.records.hierarchies import HIERARCHIES, MAX_STEPS
from crmgraph.crm.records.keys import name_key
from crmgraph.crm.records.merging import moves
from crmgraph.crm.records.merging.merge import LOGIN, PHOTO
from crmgraph.crm.records.merging.values import Dropped
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.slots import SLOTTED, assign
from crmgraph.crm.records.unit_of_work import Transaction

UNDONE_FOR = dt.timedelta(days=30)
"""For how long a merge can be undone."""
_PATH = ("merged",)


@dataclass(slots=True)
class Unmerged:
    """What became of it, or in a dry run would become.

    Attributes:
        back: the record that is there again.
        stays: the one that it had been merged into.
        kept: what the latter has of the former and keeps, since it was changed after the merge.
    """

    back: Aggregate
    stays: Aggregate
    kept: list[Dropped] = field(default_factory=list)


async def unmerge(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    merged_id: int,
    *,
    if_revision: int | None = None,
    dry_run: bool = False,
) -> Unmerged:
    """Undo a merge.

    Args:
        merged_id: the record that went.
        if_revision: the revision that the caller read of the one that stayed; another one now is refused.
        dry_run: find every fault, tell what would be, and change nothing.

    Raises:
        NotFound: no such record was merged, or the one that stayed was deleted.
        Invalid: `final`, it is longer ago than `UNDONE_FOR`; `merged_on`, the other was merged itself since.
        Stale: the other has another revision.
        Taken: somebody else has the number, or comes in by the email of the login, by now.
        Circular: a record would stand above itself.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    if not dry_run:
        return await _Undoing(session, actor, kind).carry_out(merged_id, if_revision)
    async with session.begin_nested() as savepoint:
        done = await _Undoing(session, actor, kind).carry_out(merged_id, if_revision)
        await savepoint.rollback()
    return done


class _Undoing:
    """The undoing of one merge, within its transaction."""

    def __init__(self, session: AsyncSession, actor: Actor, kind: PartyKind) -> None:
        self._session = session
        self._actor = actor
        self._kind = kind
        self._model: Any = MODELS[kind]

    async def carry_out(self, merged_id: int, if_revision: int | None) -> Unmerged:
        found, back, stays = await self._load(merged_id)
        faults = stale(stays.record, if_revision)
        faults += await self._number_faults(back)
        before: dict[str, Any] = found.before or {}
        moved = await self._moved(found)
        changes, own = Changes(self._actor), Changes(self._actor)
        name = self._kind.value.lower()
        changes.column(f"unmerged_{name}_id", back.id, None)
        own.column(f"merged_into_{name}_id", stays.id, None)
        done = Unmerged(back, stays)
        values = self._values(before, stays.record, done)
        faults += await self._circles(stays, back, values, moved)
        refuse(faults)
        written = WriteSet(Transaction(self._session), self._actor)
        extra = self._extra_fields(before, stays.record, done)
        self._empty_rows(before, stays, done, changes)
        self._give_rows(moved, stays, back, changes)
        written.touch(*(row for part in ROWS for row in getattr(back, part)))
        await self._give_back(found, stays, back, before, moved)
        await self._give_photo(moved, stays, back, changes)
        await self._give_login(moved, stays, back)
        await written.take(stays, values, extra, changes, Action.UPDATED)
        back.record.merged_into_id = None
        await written.take(back, {"deleted_at": None}, {}, own, Action.RESTORED)
        await written.write()
        await self._session.execute(delete(MergedRow).where(MergedRow.merge_id == found.id))
        await self._session.execute(delete(Merge).where(Merge.id == found.id))
        return done

    async def _load(self, merged_id: int) -> tuple[Merge, Aggregate, Aggregate]:
        model = self._model
        goal = await self._session.scalar(select(model.merged_into_id).where(model.id == merged_id))
        if goal is None:
            raise NotFound(_PATH)
        # In the order of ids, as a merge locks them.
        pair = {row.id: row for row in await snapshots.lock(self._session, model, model.id.in_([merged_id, goal]))}
        found = await self._session.scalar(select(Merge).where(Merge.from_id == merged_id, Merge.kind == self._kind))
        record = pair.get(merged_id)
        if record is None or record.merged_into_id is None:
            raise NotFound(_PATH)
        if found is None or found.before is None or found.at < now() - UNDONE_FOR:
            raise Invalid(_PATH, "final")
        if record.merged_into_id != found.into_id:
            raise Invalid(_PATH, "merged_on")
        parts = (*PARTS, "relations")
        loaded = await load_for_change(Transaction(self._session), self._actor, self._kind, [goal], parts=parts)
        if goal not in loaded:
            raise NotFound(_PATH)
        back = Aggregate(record)
        listed = wanted(model, parts)
        children = await snapshots.children_of(self._session, model, list(listed.values()), [merged_id])
        for name, rows in zip(listed, children.get(merged_id, ()), strict=True):
            setattr(back, name, rows if name in ROWS else rows[0] if rows else None)
        return found, back, loaded[goal]

    async def _moved(self, found: Merge) -> dict[str, set[int]]:
        """{part: ids} of the rows that the merge has moved, without those whose number has no bound."""
        parts = [f"{model.__tablename__}.party_id" for model in ROWS.values()] + [PHOTO, LOGIN]
        if (column := HIERARCHIES.get(self._model)) is not None:
            parts.append(f"{self._model.__tablename__}.{column}")
        query = select(MergedRow.part, MergedRow.row_id).where(
            MergedRow.merge_id == found.id, MergedRow.part.in_(parts)
        )
        moved: dict[str, set[int]] = {}
        for part, row_id in await self._session.execute(query):
            moved.setdefault(part, set()).add(row_id)
        return moved

    async def _number_faults(self, back: Aggregate) -> list[Refused]:
        model = self._model
        having = select(model.id).where(model.number == back.record.number, model.deleted_at.is_(None))
        holder = await self._session.scalar(having)
        return [] if holder is None else [Taken(("number",), holder)]

    def _values(self, before: Mapping[str, Any], record: Any, done: Unmerged) -> dict[str, Any]:
        values = {}
        for name, (old, new) in before["values"].items():
            value = getattr(record, name)
            if plain(value) == new:
                values[name] = stored(type(record), name, old)
            elif plain(value) != old:
                done.kept.append(Dropped(name, new, value))
        return values

    def _extra_fields(self, before: Mapping[str, Any], record: Any, done: Unmerged) -> dict[str, dict[str, Any]]:
        edits: dict[str, dict[str, Any]] = {}
        for dialect, keys in before["extra_fields"].items():
            for key, given in keys.items():
                value = record.extra_fields.get(dialect, {}).get(key)
                if value == given:
                    edits.setdefault(dialect, {})[key] = None
                elif value is not None:
                    done.kept.append(Dropped(f"remainder.{dialect}.{key}", given, value))
        return edits

    def _empty_rows(self, before: Mapping[str, Any], stays: Aggregate, done: Unmerged, changes: Changes) -> None:
        """Take out again what rows of the record that stayed were filled with."""
        for part, rows in before["filled"].items():
            by_id = {row.id: row for row in getattr(stays, part)}
            for row_id, filled in rows.items():
                if (row := by_id.get(int(row_id))) is None:
                    continue
                for name, (old, new) in filled.items():
                    value = getattr(row, name)
                    if plain(value) == new:
                        changes.column(RowPath(part, row, name), value, old)
                        setattr(row, name, old)
                    elif plain(value) != old:
                        done.kept.append(Dropped(f"{part}.{row_id}.{name}", new, value))

    def _give_rows(
        self, moved: Mapping[str, Collection[int]], stays: Aggregate, back: Aggregate, changes: Changes
    ) -> None:
        key = name_key(back.record)
        for part, model in ROWS.items():
            ids = moved.get(f"{model.__tablename__}.party_id", ())
            rows = [row for row in getattr(stays, part) if row.id in ids]
            theirs = getattr(back, part)
            for row in rows:
                changes.removed(RowPath(part, row), row)
                getattr(stays, part).remove(row)
                row.party_id = back.id
                if part == "addresses":
                    row.name_key = key
            if part in SLOTTED:
                found = assign(self._model, [*theirs, *rows], rows)
                for place, row in enumerate(rows):
                    row.slot = found.get(place)
            theirs += rows
            theirs.sort(key=lambda row: (row.rank, row.id))

    async def _give_back(
        self,
        found: Merge,
        stays: Aggregate,
        back: Aggregate,
        before: Mapping[str, Any],
        moved: Mapping[str, Collection[int]],
    ) -> None:
        """Let notes, references, the log and ids lead to the record again."""
        followers = await self._followers(back.id)
        for column in moves.NAMING[self._kind]:
            rows = select(MergedRow.row_id).where(
                MergedRow.merge_id == found.id, MergedRow.part == moves.part_of(column)
            )
            model = column.class_
            values: dict[str, Any] = {column.key: back.id}
            if column is Contact.account_id:
                values["account_name_key"] = name_key(back.record)
            mine = (model.id.in_(rows), column == stays.id)
            await moves.require_free(self._session, self._actor, column, *mine)
            await self._run(update(model).where(*mine).values(values))
        log = update(Change).where(Change.party_id == stays.id)
        await self._run(log.where(Change.former_id == back.id).values(party_id=back.id, former_id=None))
        aliases = ExternalId.former_id == back.id
        await self._run(delete(ExternalId).where(aliases, ExternalId.alias.is_(True)))
        own = update(ExternalId).where(aliases, ExternalId.party_id == stays.id)
        await self._run(own.values(party_id=back.id, former_id=None))
        for part, column in moves.ROW_IDS.items():
            # Where two rows were the same as one, the first has its ids.
            if back_to := {twin: row_id for row_id, twin in reversed(before["twins"].get(part, ()))}:
                theirs = update(ExternalId).where(aliases, column.in_(back_to))
                await self._run(theirs.values({column.key: case(back_to, value=column), "former_id": None}))
        if followers:
            await self._run(log.where(Change.former_id.in_(followers)).values(party_id=back.id))
            led = update(ExternalId).where(ExternalId.former_id.in_(followers), ExternalId.party_id == stays.id)
            await self._run(led.values(party_id=back.id))
            model = self._model
            await self._run(update(model).where(model.id.in_(followers)).values(merged_into_id=back.id))
        parted = [{name: stored(Relation, name, value) for name, value in row.items()} for row in before["parted"]]
        if parted:
            await self._session.execute(insert(Relation), parted)

    async def _followers(self, own_id: int) -> list[int]:
        """The records that had been merged into this one before."""
        found: list[int] = []
        wanted_of = [own_id]
        while wanted_of:
            wanted_of = list(await self._session.scalars(select(Merge.from_id).where(Merge.into_id.in_(wanted_of))))
            found += wanted_of
        return found

    async def _give_photo(
        self, moved: Mapping[str, Collection[int]], stays: Aggregate, back: Aggregate, changes: Changes
    ) -> None:
        """Exchange the photos again, unless another one came since."""
        mine, merged_at = stays.photo, back.record.deleted_at
        if PHOTO not in moved or mine is None or merged_at is None or mine.created_at > merged_at:
            return
        await moves.swap_photos(self._session, stays.id, back.id)
        stays.photo, back.photo = back.photo, mine
        changes.replaced(PHOTO, mine.file_name, stays.photo.file_name if stays.photo else None)

    async def _give_login(self, moved: Mapping[str, Collection[int]], stays: Aggregate, back: Aggregate) -> None:
        """Let each have its own login again."""
        if self._kind is not PartyKind.CONTACT:
            return
        if LOGIN in moved:
            await moves.swap_logins(self._session, stays.id, back.id)
        both = Credential.contact_id.in_([stays.id, back.id])
        ended = select(Credential.email_key).where(both, Credential.live.is_(None), Credential.confirmed.is_(True))
        taken = select(Credential.contact_id).where(Credential.email_key.in_(ended), Credential.live.is_(True))
        rows = (await self._session.execute(taken.limit(1))).all()
        if rows:
            raise Taken(("login",), rows[0][0])
        await self._run(
            update(Credential).where(both, Credential.live.is_(None), Credential.confirmed.is_(True)).values(live=True)
        )

    async def _circles(
        self, stays: Aggregate, back: Aggregate, values: Mapping[str, Any], moved: Mapping[str, Collection[int]]
    ) -> list[Refused]:
        """The fault of a record that would stand above itself, by what has changed above it since the merge."""
        column = HIERARCHIES.get(self._model)
        if column is None:
            return []
        above = {
            stays.id: values.get(column, getattr(stays.record, column)),
            back.id: getattr(back.record, column),
        }
        starts = {each for each in above.values() if each is not None}
        if not starts:
            return []
        given_back = moved.get(f"{self._model.__tablename__}.{column}", ())
        edges = dict(await hierarchies.ways_up(self._session, self._model, starts))
        edges |= {each: back.id for each in given_back if edges.get(each) == stays.id}
        edges |= above
        for start in above:
            step = edges[start]
            for _ in range(MAX_STEPS + 1):
                if step is None or step == start:
                    break
                step = edges.get(step)
            if step is not None:
                return [Circular(_PATH, MAX_STEPS)]
        return []

    async def _run(self, statement: Any) -> None:
        await self._session.execute(statement, execution_options={"synchronize_session": False})


async def forget(session: AsyncSession, merge_ids: Sequence[int]) -> None:
    """Let go of what it takes to undo merges. That they were stays known: ids go on leading by it."""
    await session.execute(delete(MergedRow).where(MergedRow.merge_id.in_(merge_ids)))
    await session.execute(update(Merge).where(Merge.id.in_(merge_ids)).values(before=null()))
