"""Answers: records as CRM.COM's objects, and the envelope of every answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm.models import Contact, Photo
from crmgraph.crm.policy import Actor
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.authorship import Setting, last_set
from crmgraph.crm.records.external_ids import EncodingContext, encoding_context
from crmgraph.dialects.crmcom.authors import kept, user
from crmgraph.dialects.crmcom.codecs import time_text
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.errors import Failure
from crmgraph.dialects.crmcom.fields import CONSENTS, layout
from crmgraph.dialects.crmcom.requests import Call
from crmgraph.dialects.crmcom.response_formats import ResponseFormat
from crmgraph.rest import Answer, raw

SETTINGS = "authorization_settings"
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PRIVATE = raw(PRIVATE)
_JSON = raw({"Content-Type": "application/json;charset=UTF-8"})
IMAGE_HEADERS = {"Content-Disposition": "inline", "Content-Security-Policy": "default-src 'none'; sandbox"}


def done(data: Any, call: Call) -> Response:
    """What a method has carried out, in its response format."""
    return _json(call.operation.fmt.envelope(data))


def image(found: tuple[Photo, bytes], _: object = None) -> Response:
    """The image of a photo."""
    photo, data = found
    return Response(data, headers=PRIVATE | IMAGE_HEADERS, media_type=photo.content_type)


def failed(failure: Failure, _: object = None) -> Response:
    """What was not carried out."""
    status = {"message": failure.message, "description": failure.description, "code": failure.code}
    return _json({"status": status, "data": None}, failure.status, failure.headers)


def _json(body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(orjson.dumps(body), status, (*_PRIVATE, *raw(headers)) if headers else _PRIVATE, _JSON)


async def encode(
    session: AsyncSession,
    actor: Actor,
    fmt: ResponseFormat,
    aggregates: Sequence[Aggregate],
    fields_set: Sequence[str],
    around: EncodingContext | None = None,
) -> list[dict[str, Any]]:
    """The objects of these records, in a constant number of statements; two more a record that has its settings told.

    Args:
        fields_set: the keys that are wanted; by default all that answers in this format have. What an answer never
            has is dropped, unless the record keeps something under this very name.
        around: what the records name, where that has been read with them.
    """
    if around is None:
        around = await encoding_context(session, actor, DIALECT, aggregates, rows=True)
    answers = [encode_one(fmt, aggregate, fields_set, around) for aggregate in aggregates]
    if has_settings(fmt, fields_set):
        for aggregate, answer in zip(aggregates, answers, strict=True):
            answer[SETTINGS] = await _settings(session, fmt, aggregate)
    return answers


def has_settings(fmt: ResponseFormat, fields_set: Sequence[str]) -> bool:
    """Whether answers tell who has set what may be sent, which is read from the change log."""
    return SETTINGS in fmt.keys_for(frozenset(fields_set))


def encode_one(
    fmt: ResponseFormat, aggregate: Aggregate, fields_set: Sequence[str], around: EncodingContext
) -> dict[str, Any]:
    """The object of a record, without its settings.

    Args:
        fields_set, around: see `encode`.
    """
    keys = fmt.keys_for(frozenset(fields_set))
    answer = layout(type(aggregate.record), fmt.name, keys).encode(aggregate, around)
    own = kept(aggregate)
    return answer | {key: own[key] for key in fields_set if key in own and key not in answer}


async def _settings(session: AsyncSession, fmt: ResponseFormat, aggregate: Aggregate) -> dict[str, Any]:
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
        return None if setting is None else user(setting.by, setting.external_id, fmt.objects["user"])

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
