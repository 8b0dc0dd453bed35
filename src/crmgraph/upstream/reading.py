"""Who reads an upstream, as the store and the settings say."""

import datetime as dt
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.core import Core
from crmgraph.crm.job_queue import Done, Result, Retry
from crmgraph.crm.models import Door, Party, Upstream
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records import external_ids
from crmgraph.crm.upstream_settings import CALLS_PER_DAY, MAX_CONCURRENCY, PULL_EVERY, value_of
from crmgraph.jobs import Kind
from crmgraph.rest.pulling import Pulling
from crmgraph.upstream import marks
from crmgraph.upstream.calls import CallError, Calls
from crmgraph.upstream.marks import LeaseLostError, PullBusyError
from crmgraph.upstream.places import BadPlaceError, Network, read_base
from crmgraph.upstream.pull import OnProgress, Puller
from crmgraph.upstream.secrets import SecretError, secrets_of
from crmgraph.upstream.staleness import IsBehind, Refresh

REFRESHED = 15.0
"""For how many seconds a few records wait for a reading that goes on."""
LONGEST_RUN = dt.timedelta(days=2)
"""How long one reading may take: the first one of a large CRM with few calls a day is carried on by the next."""


@asynccontextmanager
async def opened(
    core: Core,
    networks: Sequence[Network],
    door: Door,
    pulling: Pulling,
    told: OnProgress = lambda source, counts: None,
) -> AsyncIterator[Puller]:
    """Whoever reads the upstream of a dialect, which there is.

    Raises:
        CallError: its address is none, or secrets are wanting.
    """
    async with core.db.read() as session:
        upstream = await session.get(Upstream, door)
        if upstream is None:
            raise CallError(f"{door.dialect}: has no upstream")
        calls = await _calls(session, core, networks, upstream, pulling)
        per_day = value_of(upstream.options, CALLS_PER_DAY)
    try:
        yield Puller(
            core.db,
            core.record_photos,
            core.max_photo_bytes,
            core.region,
            door,
            pulling,
            calls,
            told,
            per_day=per_day,
        )
    finally:
        await calls.close()


async def _calls(
    session: AsyncSession, core: Core, networks: Sequence[Network], upstream: Upstream, pulling: Pulling
) -> Calls:
    try:
        secrets = await secrets_of(session, core.keys, upstream.dialect)
        base = read_base(upstream.base_url, insecure=upstream.insecure)
        accounts = read_base(upstream.accounts_url, insecure=upstream.insecure) if upstream.accounts_url else None
    except (SecretError, BadPlaceError) as error:
        raise CallError(str(error)) from None
    if pulling.access is None:
        raise CallError("nothing is asked there by us")
    missing = [name for name, may_miss in pulling.access.secrets.items() if not may_miss and name not in secrets]
    if missing:
        raise CallError(f"no {' and no '.join(missing)}: `crmgraph upstream secret` takes it")
    at_once = value_of(upstream.options, MAX_CONCURRENCY)
    return Calls(base, accounts, networks, pulling.access, secrets, at_once=at_once)


def kind_of(upstream: Upstream, puller: Puller) -> Kind:
    """The recurring job that reads an upstream, by whoever is to read it."""

    async def read(_: Mapping[str, Any]) -> Result:
        try:
            await puller.run()
        except (CallError, PullBusyError, LeaseLostError) as error:
            return Retry(f"{type(error).__name__}: {error}")
        return Done()

    return Kind(
        f"pull {upstream.dialect.dialect}",
        read,
        seconds=LONGEST_RUN.total_seconds(),
        first_retry=5.0,
        every=float(value_of(upstream.options, PULL_EVERY)),
        failure="an upstream was not read",
    )


async def _known(session: AsyncSession, door: Door, pulling: Pulling, values: Collection[str]) -> dict[str, set[int]]:
    """Our ids of what is called so there, whatever its kind: of several where kinds have numbers of their own."""
    spaces = {pulling.space, *pulling.spaces.values()}
    wanted = {(space, value) for space in spaces for value in values}
    found = await external_ids.resolve(session, door.dialect, wanted)
    return {value: {found[space, value] for space in spaces if (space, value) in found} for value in values}


def behind(core: Core, able: Mapping[Door, Pulling]) -> IsBehind:
    """Tells which of these records, {id: when they were changed last there}, are not as new here and were not read
    since: of one that was read it is no excuse."""

    async def is_behind(door: Door, modified: Mapping[str, dt.datetime]) -> set[str]:
        pulling = able.get(door)
        if pulling is None:
            return set()
        async with core.db.read() as session:
            marks_of = await marks.watermarks(session, door)
            read = [marks_of.get(each.name) for each in pulling.sources if each.kind is not None and not each.deleted]
            known = [each for each in read if each is not None]
            if len(known) == len(read):
                modified = {value: at for value, at in modified.items() if at >= min(known)}
            found = await _known(session, door, pulling, modified)
            here: dict[int, dt.datetime] = {}
            for model in MODELS.values():
                query = select(model.id, model.updated_at).where(
                    model.id.in_({i for ids in found.values() for i in ids})
                )
                here |= dict((await session.execute(query)).all())
        # Of two kinds of record with the same number, the newer one: nothing is excused that is none.
        own = {value: max((here[each] for each in found[value] if each in here), default=None) for value in modified}
        return {value for value, at in modified.items() if (ours := own[value]) is None or ours < at}

    return is_behind


def refreshing(core: Core, pullers: Mapping[Door, Puller], able: Mapping[Door, Pulling]) -> Refresh:
    """Reads records by their ids, those of any list whose kind is not known here; nothing while a reading goes on that
    lasts."""

    async def refresh(door: Door, ids: Sequence[str]) -> None:
        puller, pulling = pullers.get(door), able.get(door)
        if puller is None or pulling is None or not ids:
            return
        sources = [each for each in pulling.sources if each.kind is not None and each.some is not None]
        async with core.db.read() as session:
            found = await _known(session, door, pulling, ids)
            query = select(Party.id, Party.kind).where(Party.id.in_({each for own in found.values() for each in own}))
            kinds = dict((await session.execute(query)).all())
        for source in sources:
            wanted = [
                v for v in ids if source.kind in {kinds.get(own, source.kind) for own in found[v]} or not found[v]
            ]
            if wanted:
                try:
                    await puller.some(source, wanted, wait=REFRESHED)
                except (CallError, PullBusyError, LeaseLostError):
                    return

    return refresh
