"""Harvest: what an answer that passes by tells of a record is applied to the store, after it has left.

It is done by `crmgraph upstream run`, and by no process that serves clients. What an answer does not name stays as it
is, and what it tells is not taken where this store knows a later state of the record.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.core import Core
from crmgraph.crm.models import Door, PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records import external_ids
from crmgraph.metrics import UPSTREAM_DROPPED, UPSTREAM_HARVESTED
from crmgraph.rest.pulling import BadAnswerError, Pulled
from crmgraph.rest.telling import ObservedCall, Telling
from crmgraph.upstream.apply import Applying
from crmgraph.upstream.decoding import decoded
from crmgraph.upstream.further_ids import claim_further
from crmgraph.upstream.listening import Consumer
from crmgraph.upstream.tee import PassedCall

log = structlog.get_logger(__name__)


class Harvester:
    """Applies what passes by.

    Args:
        telling: what the answers of each dialect tell.
    """

    def __init__(self, core: Core, telling: Mapping[Door, Telling]) -> None:
        self._core = core
        self._telling = telling

    def consumer(self) -> Consumer:
        """As a `Listener` takes it: calls are looked at one after the other, as they came."""
        return Consumer(self.look, self.dropped)

    def dropped(self, call: PassedCall) -> None:
        """Count a call that is not looked at."""
        UPSTREAM_DROPPED.labels(call.dialect.dialect).inc()

    async def look(self, call: PassedCall) -> None:
        """Apply what a call tells; what was refused, was cut short or cannot be read tells nothing."""
        telling = self._telling.get(call.dialect)
        tells = None if telling is None else telling.operations.get(call.operation)
        if telling is None or tells is None or not call.whole or not 200 <= call.status < 300:
            return
        try:
            records = list(tells(_told(call)))
        except (BadAnswerError, KeyError, TypeError, ValueError):
            UPSTREAM_HARVESTED.labels(call.dialect.dialect, "unreadable").inc()
            return
        if records:
            counts = await self._core.db.transact(lambda session: self._apply(session, call.dialect, telling, records))
            for outcome, number in counts.items():
                UPSTREAM_HARVESTED.labels(call.dialect.dialect, outcome).inc(number)

    async def _apply(self, session: AsyncSession, door: Door, telling: Telling, records: Sequence[Any]) -> Counter[str]:
        applying = Applying(session, door, telling.pulling, self._core.region)
        counts: Counter[str] = Counter()
        for kind in (PartyKind.ACCOUNT, PartyKind.CONTACT, PartyKind.LEAD):
            told = [each for each in records if isinstance(each, Pulled) and each.kind is kind]
            late = await _overtaken(session, door, telling, kind, told)
            counts["late"] += len(late)
            if told := [each for each in told if each.id not in late]:
                applied = await applying.records(kind, told)
                await claim_further(session, door, telling.pulling, kind, applied)
                for each in applied:
                    counts[each.outcome.value.lower()] += 1
                    if each.fault is not None:
                        log.info("harvest", dialect=door.dialect, outcome=each.outcome.value, reason=each.fault.message)
            gone = [each[1] for each in records if isinstance(each, tuple) and each[0] is kind]
            if gone:
                counts["deleted"] += await applying.gone(kind, gone)
        return +counts


async def _overtaken(
    session: AsyncSession, door: Door, telling: Telling, kind: PartyKind, told: Sequence[Pulled]
) -> set[str]:
    """What those records are called of which a later state is known here: an answer may be looked at late."""
    times = {each.id: each.updated_at for each in told if each.updated_at is not None}
    if not times:
        return set()
    space = telling.pulling.space_of(kind)
    found = await external_ids.resolve(session, door.dialect, {(space, each) for each in times})
    model: Any = MODELS[kind]
    query = select(model.id, model.updated_at).where(model.id.in_(found.values()))
    stored = {row.id: row.updated_at for row in await session.execute(query)}
    return {
        name
        for (_, name), own_id in found.items()
        # Some tell the second alone.
        if own_id in stored and times[name] < stored[own_id].replace(microsecond=0)
    }


def _told(call: PassedCall) -> ObservedCall:
    path = [unquote(each) for each in call.path.decode("latin-1").split("/")]
    parameters = dict(parse_qsl(call.query.decode("latin-1"), keep_blank_values=True))
    body = decoded(call)
    if body is None:
        raise BadAnswerError("its body is compressed in a way that is not read, or too long")
    if not body.strip():
        return ObservedCall(path, parameters)
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadAnswerError("no JSON, or not all of it") from None
    if not isinstance(read, dict):
        raise BadAnswerError("no object of JSON")
    return ObservedCall(path, parameters, read)
