"""Who made and changed a record, where and when, as CRM.COM tells it."""

from collections.abc import Iterable
from typing import Any

from crmgraph.crm.models import Staff
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.dialects.crmcom.codecs import time_text
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.response_formats import ResponseFormat, ordered
from crmgraph.mapping import Computed


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


def log_information(fmt: ResponseFormat) -> Computed:
    orders = fmt.objects

    def log(thing: Aggregate, around: EncodingContext) -> dict[str, Any]:
        record, own = thing.record, kept(thing)

        def who(staff_id: int | None) -> dict[str, Any] | None:
            if staff_id is None:
                return None
            return user(around.staff.get(staff_id), around.external_id("staff", staff_id), orders["user"])

        def unit(name: str) -> dict[str, Any] | None:
            return ordered(found, orders["unit"]) if isinstance(found := own.get(name), dict) else None

        found = {
            "updated_date": time_text(record.updated_at),
            "created_by_unit": unit("created_by_unit"),
            "created_date": time_text(record.created_at),
            "updated_by_unit": unit("updated_by_unit"),
            "created_by_user": who(record.created_by_id),
            "updated_by_user": who(record.modified_by_id),
        }
        return ordered(found, orders["log"])

    return Computed(log, "created_at, updated_at, created_by_id, modified_by_id")
