"""Records as CRM.COM's objects."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Contact
from crmgraph.crm.policy import Actor
from crmgraph.crm.records.authorship import Setting, last_set
from crmgraph.crm.records.external_ids import encoding_context
from crmgraph.crm.records.parties import Aggregate
from crmgraph.dialects.crmcom.authors import kept, user
from crmgraph.dialects.crmcom.codecs import time_text
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.fields import CONSENTS, layout
from crmgraph.dialects.crmcom.response_formats import Manner

SETTINGS = "authorization_settings"


async def encode(
    session: AsyncSession, actor: Actor, manner: Manner, aggregates: Sequence[Aggregate], fields_set: Sequence[str]
) -> list[dict[str, Any]]:
    """The objects of these records, in a constant number of statements; two more a record that has its settings told.

    Args:
        fields_set: the keys that are wanted; by default all that answers in this manner have. What an answer never
            has is dropped, unless the record keeps something under this very name.
    """
    keys = manner.chosen(frozenset(fields_set))
    around = await encoding_context(session, actor, DIALECT, aggregates, rows=True)
    answers = []
    for aggregate in aggregates:
        answer = layout(type(aggregate.record), manner.name, keys).encode(aggregate, around)
        if SETTINGS in keys:
            answer[SETTINGS] = await _settings(session, manner, aggregate)
        own = kept(aggregate)
        answers.append(answer | {key: own[key] for key in fields_set if key in own and key not in answer})
    return answers


async def _settings(session: AsyncSession, manner: Manner, aggregate: Aggregate) -> dict[str, Any]:
    """What may be sent, and who said so when."""
    record = aggregate.record
    if isinstance(record, Contact):
        values = {name: getattr(record, name) for name in CONSENTS}
        logged = {name: name for name in CONSENTS}
    else:
        values = {name: kept(aggregate).get(name) for name in CONSENTS}
        logged = {name: f"remainder.{DIALECT}.{name}" for name in CONSENTS}
    found = await last_set(session, record.id, list(logged.values()), DIALECT)
    set_by = {name: found.get(path) for name, path in logged.items()}

    def who(setting: Setting | None) -> dict[str, Any] | None:
        return None if setting is None else user(setting.by, setting.external_id, manner.objects["user"])

    def when(setting: Setting | None) -> str | None:
        return None if setting is None else time_text(setting.at)

    return {
        "direct_marketing_setting_updated_by_user": who(set_by["direct_marketing"]),
        "affiliate_marketing_setting_updated_by_user": who(set_by["affiliate_marketing"]),
        "affiliate_marketing_setting_updated_date": when(set_by["affiliate_marketing"]),
        "send_affiliate_marketing_material": values["affiliate_marketing"],
        "send_direct_marketing_material": values["direct_marketing"],
        "direct_marketing_setting_updated_date": when(set_by["direct_marketing"]),
    }
