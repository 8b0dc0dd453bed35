"""What rows of a record, and records by their further names, are called at an old CRM."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Refused
from crmgraph.crm.models import Door, PartyKind
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.rest.pulling import Pulling
from crmgraph.upstream.apply import Applied, actor_of


async def claim_further(
    session: AsyncSession, door: Door, pulling: Pulling, kind: PartyKind, applied: Sequence[Applied]
) -> None:
    """Let rows, and records by their further names, be called as there, once that is told for the first time."""
    if pulling.further_ids is None:
        return
    names = pulling.decoding[kind].names
    wanted = {name for each in applied for name in names(each.pulled.body)}
    known = await external_ids.resolve(session, door.dialect, wanted)
    new = {each.party_id: each.pulled.body for each in applied if set(names(each.pulled.body)) - known.keys()}
    ids = [own_id for own_id in new if own_id is not None]
    actor = actor_of(None)
    loaded = await aggregates.load(session, actor, kind, ids, parts=("phones", "emails", "addresses")) if ids else {}
    for own_id, aggregate in loaded.items():
        for target, space, value, target_id in pulling.further_ids(new[own_id], aggregate, known):
            with suppress(Refused):  # it could be an id of ours, or is another's by now
                await external_ids.claim(session, door.dialect, space, value, **{target: target_id})
