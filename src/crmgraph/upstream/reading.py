"""Who reads an upstream, as the store and the settings say."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.core import Core
from crmgraph.crm.job_queue import Done, Result, Retry
from crmgraph.crm.models import Door, Upstream
from crmgraph.crm.upstream_settings import CALLS_PER_DAY, MAX_CONCURRENCY, PULL_EVERY, value_of
from crmgraph.jobs import Kind
from crmgraph.rest.pulling import Pulling
from crmgraph.upstream import marks
from crmgraph.upstream.calls import CallError, Calls
from crmgraph.upstream.marks import LeaseLostError, PullBusyError
from crmgraph.upstream.places import BadPlaceError, Network, read_base
from crmgraph.upstream.pull import Puller, Told
from crmgraph.upstream.secrets import SecretError, secrets_of

LONGEST_RUN = dt.timedelta(days=2)
"""How long one reading may take: the first one of a large CRM with few calls a day is carried on by the next."""


@asynccontextmanager
async def opened(
    core: Core,
    networks: Sequence[Network],
    door: Door,
    pulling: Pulling,
    told: Told = lambda source, counts: None,
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


async def is_behind(session: AsyncSession, door: Door, source: str, modified: dt.datetime) -> bool:
    """Whether a change of this moment may be unknown here: it is later than everything of the source that is known."""
    known = (await marks.watermarks(session, door)).get(source)
    return known is None or modified >= known
