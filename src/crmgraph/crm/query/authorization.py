"""Whether somebody may still act as they do: asked by the statement that tells them something or writes for them."""

import json
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Text, bindparam, cast, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from crmgraph.crm.models import Contact, Credential, Session, Staff, now
from crmgraph.crm.policy import Actor
from crmgraph.db.database import Database

MOMENT = "acting_at"
"""The parameter of `still_authorized` that is another for each request: what time it is."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What has to hold still for somebody who was known from an earlier request, as a part of a statement.

    Attributes:
        key: of what changes the text of the condition.
        condition: with named parameters.
        values: of the parameters, but for those that `at` gives.
        at: the parameter that is the time of the request.
    """

    key: Hashable
    condition: Callable[[], ColumnElement[bool]]
    values: Mapping[str, Any]
    at: str

    def now(self) -> dict[str, Any]:
        """The values of all parameters."""
        return {**self.values, self.at: now()}


def standing_of(actor: Actor) -> Standing:
    """What has to hold still of somebody who has signed in."""
    key = ("still authorized", actor.is_staff)
    return Standing(key, partial(still_authorized, actor), authorization_values(actor), MOMENT)


class Lapsed(Enum):
    """What a statement answers that was to verify the actor as well: they may not act like this any more.

    Nothing was told or written.
    """

    LAPSED = "lapsed"


def still_authorized(actor: Actor) -> ColumnElement[bool]:
    """Whether the login that somebody came in by lasts, and is of somebody who may do just what `actor` may.

    The parameters are those of `authorization_values`; which ones they are depends on the actor's role alone.
    """
    staff = actor.is_staff
    query = (
        select(true())
        .select_from(Session)
        .join(Credential, Credential.id == Session.credential_id)
        .where(
            Session.id == bindparam("acting_session", type_=Text()),
            Session.door == bindparam("acting_door", type_=Text()),
            Session.ended_at.is_(None),
            Session.expires_at > bindparam(MOMENT, type_=Session.expires_at.type),
            Credential.id == bindparam("acting_credential", type_=BigInteger()),
            Credential.live.is_(True),
            Credential.confirmed.is_(True),
        )
    )
    if staff:
        query = query.join(Staff, Staff.id == Credential.staff_id).where(
            Staff.id == bindparam("acting_staff", type_=BigInteger()),
            Staff.active.is_(True),
            Staff.role == bindparam("acting_role", type_=Text()),
            Staff.sees_identity == bindparam("acting_sees", type_=Boolean()),
        )
    else:
        account = bindparam("acting_account", type_=BigInteger())
        query = query.join(Contact, Contact.id == Credential.contact_id).where(
            Contact.id == bindparam("acting_contact", type_=BigInteger()),
            Contact.deleted_at.is_(None),
            Contact.account_id.is_not_distinct_from(account),
            Credential.staff_id.is_(None),
        )
    return query.exists()


async def lasting(db: Database, staff: Collection[Actor]) -> set[Actor]:
    """Those of some actors of the staff who still may act like this, by one statement for all."""
    ids = list(dict.fromkeys(actor.session_id for actor in staff if actor.session_id is not None))
    given = {"sessions": json.dumps(ids) if db.is_sqlite else ids, "at": now()}
    rows = await db.fetch_compiled("sessions that last", lambda: _lasting(sqlite=db.is_sqlite), given)
    found = {row[0]: tuple(row[1:]) for row in rows}
    return {
        actor
        for actor in staff
        if found.get(actor.session_id)
        == (actor.door, actor.credential_id, actor.staff_id, actor.role, actor.sees_identity)
    }


def _lasting(*, sqlite: bool) -> Any:
    among: ColumnElement[bool]
    if sqlite:
        listed = func.json_each(bindparam("sessions", type_=Text())).table_valued("value")
        among = Session.id.in_(select(listed.c.value))
    else:
        among = Session.id == func.any(cast(bindparam("sessions", type_=ARRAY(Text())), ARRAY(Text())))
    return (
        select(Session.id, Session.door, Credential.id, Staff.id, Staff.role, Staff.sees_identity)
        .join(Credential, Credential.id == Session.credential_id)
        .join(Staff, Staff.id == Credential.staff_id)
        .where(
            among,
            Session.ended_at.is_(None),
            Session.expires_at > bindparam("at", type_=Session.expires_at.type),
            Credential.live.is_(True),
            Credential.confirmed.is_(True),
            Staff.active.is_(True),
        )
    )


def authorization_values(actor: Actor) -> dict[str, Any]:
    """The values of the parameters of `still_authorized`."""
    lasting = actor.derived.get("authorization")
    if lasting is None:
        lasting = actor.derived["authorization"] = {
            "acting_session": actor.session_id,
            "acting_door": actor.door.value,
            "acting_credential": actor.credential_id,
            "acting_staff": actor.staff_id,
            "acting_role": None if actor.role is None else actor.role.value,
            "acting_sees": actor.sees_identity,
            "acting_contact": actor.contact_id,
            "acting_account": actor.account_id,
        }
    return {**lasting, MOMENT: now()}
