"""What an upstream tells is ingested: rows of a source are applied, and what is not taken is parked with the reason."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, Outcome, Parked
from crmgraph.crm.records.external_ids import may_be_minted
from crmgraph.rest.pulling import BadAnswerError, Gone, Pulled, PulledNote, PulledUser, Pulling, Source
from crmgraph.upstream import marks
from crmgraph.upstream.apply import Applying, Fault
from crmgraph.upstream.apply_notes import ApplyingNotes

CHANGES = frozenset({"created", "updated", "deleted", "photos"})
"""The outcomes after which something is otherwise than before."""


OURS = Fault("INVALID", "id: is in the range from which this store gives out its own")


class Ingestion:
    """Ingests what one dialect's upstream tells.

    Args:
        region: whose telephone numbers need no country code.
        parked: {source: what is parked of it}.
    """

    def __init__(self, door: Door, pulling: Pulling, region: str | None, parked: dict[str, set[str]]) -> None:
        self._door = door
        self._pulling = pulling
        self._region = region
        self._parked = parked

    async def take(self, session: AsyncSession, source: Source, rows: Sequence[Mapping[str, Any]]) -> Counter[str]:
        """Apply rows of a source; {outcome: how many}."""
        found: Counter[str] = Counter()
        items: list[Any] = []
        by_id: dict[str, Mapping[str, Any]] = {}
        bad: list[tuple[str, Mapping[str, Any], Fault]] = []
        for row in rows:
            home_id = "?"
            try:
                home_id = source.id_of(row)
                if not can_be_kept(row):
                    bad.append((home_id, {}, Fault("BAD_ANSWER", "holds U+0000, or is nested too deep")))
                    continue
                item = source.item(row)
                if self._is_ours(item):
                    bad.append((home_id, row, OURS))
                    continue
                items.append(item)
                by_id[home_id] = row
            except (BadAnswerError, KeyError, TypeError, ValueError, OverflowError) as error:
                bad.append(
                    (
                        home_id,
                        row if can_be_kept(row) else {},
                        Fault("BAD_ANSWER", str(error) if isinstance(error, BadAnswerError) else "no such object"),
                    )
                )
        applying = Applying(session, self._door, self._pulling, self._region)
        faults: dict[str, Fault] = {}
        if source.deleted:
            assert source.kind is not None  # noqa: S101 - what is gone is of a kind
            gone = [each for each in items if isinstance(each, Gone)]
            found["deleted"] += await applying.gone(source.kind, gone)
        elif source.kind is not None:
            for each in await applying.records(source.kind, [each for each in items if isinstance(each, Pulled)]):
                found[word_of(each.outcome)] += 1
                if each.fault is not None:
                    faults[each.pulled.id] = each.fault
                if each.photo:
                    await self._want_photo(session, each.pulled)
        else:
            users = [each for each in items if isinstance(each, PulledUser)]
            if users:
                changed = await applying.users(users)
                found.update({"updated": changed, "same": len(users) - changed})
            noting = ApplyingNotes(session, self._door, self._pulling, self._region, applying)
            for note, outcome, fault in await noting.notes([each for each in items if isinstance(each, PulledNote)]):
                found[word_of(outcome)] += 1
                if fault is not None:
                    faults[note.id] = fault
        parking = bad + [(home_id, by_id[home_id], fault) for home_id, fault in faults.items()]
        found["refused"] += len(bad)
        await marks.park(session, self._door, source.name, parking)
        held = self._parked.setdefault(source.name, set())
        await marks.unpark(session, self._door, source.name, held & (by_id.keys() - faults.keys()))
        held |= {home_id for home_id, _, _ in parking}
        return +found

    def _is_ours(self, item: Any) -> bool:
        match item:
            case Pulled():
                return may_be_minted(self._door.dialect, self._pulling.space_of(item.kind), item.id)
            case PulledUser():
                return may_be_minted(self._door.dialect, self._pulling.users, item.person.id)
        return False

    async def _want_photo(self, session: AsyncSession, pulled: Pulled) -> None:
        body = {"kind": pulled.kind.value, "id": pulled.id, "photo": pulled.photo}
        fault = Fault("PHOTO", "to be fetched")
        await marks.park(session, self._door, marks.PHOTOS, [(f"{pulled.kind.value}/{pulled.id}", body, fault)])

    async def take_again(self, session: AsyncSession, source: Source, rows: Sequence[Parked]) -> Counter[str]:
        """Try what was parked once more; what is not taken now either is tried tomorrow."""
        found = await self.take(session, source, [row.body for row in rows if row.body])
        found = Counter({name: n for name, n in found.items() if name in CHANGES})
        named = {row.home_id: row for row in rows}
        await session.flush()
        still = await marks.due(session, self._door, source.name, len(rows) * 2, min(row.id for row in rows) - 1)
        left = {row.id: Fault(row.code, row.message) for row in still if row.home_id in named}
        await marks.put_off(session, left)
        return found

    async def let_go(self, session: AsyncSession, source: Source, ids: Sequence[str]) -> int:
        """Remove those of these that are here; how many."""
        applying = Applying(session, self._door, self._pulling, self._region)
        if source.kind is not None:
            return await applying.gone(source.kind, [Gone(each) for each in ids])
        return await ApplyingNotes(session, self._door, self._pulling, self._region, applying).gone(ids)


def can_be_kept(row: Mapping[str, Any]) -> bool:
    """Whether a row can be parked: PostgreSQL keeps no U+0000 (its manual, section 8.14), and what is nested deeper
    than JSON is written here is kept nowhere."""
    try:
        written = orjson.dumps(row)
    except orjson.JSONEncodeError:
        return False
    return b"\\u0000" not in written or not _holds_nul(row)


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_holds_nul, (*value, *value.values())))
    return isinstance(value, list) and any(map(_holds_nul, value))


def word_of(outcome: Outcome) -> str:
    """What an outcome is counted as."""
    return {Outcome.UNCHANGED: "same"}.get(outcome, outcome.value.lower())
