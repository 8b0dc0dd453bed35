"""Who made and changed a record, where and when, as CRM.COM tells it."""

from collections.abc import Iterable, Sequence
from typing import Any

from crmgraph.crm.models import Staff
from crmgraph.crm.query.json_text import Pieces, joined
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.dialects.crmcom.codecs import MOMENT
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.response_formats import ResponseFormat, ordered
from crmgraph.mapping import Codec, ExtraField, Field, Inner, Link
from crmgraph.mapping.printing.words import LinkedRow, Printing


def user(staff: Staff | None, external_id: str | None, keys: Iterable[str]) -> dict[str, Any] | None:
    """The object of somebody who made or changed something; one without an email has no such key.

    Args:
        external_id: theirs; None when they were added here.
        keys: in their order.
    """
    if staff is None:
        return None
    found = {"person_name": staff.name, "username": staff.name, "id": external_id or str(staff.id)}
    return ordered(found | ({"email": staff.email} if staff.email is not None else {}), keys)


def kept(thing: Aggregate) -> dict[str, Any]:
    """What the record keeps for this dialect alone."""
    found: dict[str, Any] = thing.record.extra_fields.get(DIALECT, {})
    return found


def log_information(fmt: ResponseFormat, model: Any) -> Inner:
    """Who made and changed a record, where and when.

    Args:
        model: Contact or Account.
    """
    keys = fmt.objects["user"]
    who = Codec(
        write=lambda link: None if link is None else user(link.thing, link.external_id, keys),
        sql=lambda write, link: _user_sql(write, link, keys),
    )
    unit = Codec(write=lambda found: ordered(found, fmt.objects["unit"]) if isinstance(found, dict) else None)
    fields = {
        "updated_date": (model.updated_at, MOMENT),
        "created_by_unit": (ExtraField("created_by_unit"), unit),
        "created_date": (model.created_at, MOMENT),
        "updated_by_unit": (ExtraField("updated_by_unit"), unit),
        "created_by_user": (Link(model.created_by_id, "staff", "user"), who),
        "updated_by_user": (Link(model.modified_by_id, "staff", "user"), who),
    }
    return Inner(tuple(Field(name, *fields[name]) for name in fmt.objects["log"]))


def _user_sql(write: Printing, link: LinkedRow, keys: Sequence[str]) -> Pieces:
    name, email = write.quoted(link.c.name), joined([',"email":', write.quoted(link.c.email)])
    known: dict[str, Pieces] = {
        "person_name": ['"person_name":', name],
        "username": [',"username":', name],
        "id": [',"id":', write.quoted(link.external_id)],
        "email": [write.either(link.c.email.is_(None), "", [email])],
    }
    # The name is the first in every format.
    return ["{", *(piece for key in keys for piece in known[key]), "}"]
