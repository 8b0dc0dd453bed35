"""Who holds a token of a legacy client: asked of the database, or known from an earlier request and asked for again by
the statement that reads for them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache
from sqlalchemy import ColumnElement, Select, Text, bindparam, cast, or_, select, true

from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.models import Door, LegacyClient, LegacyToken, Role, Staff, now
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.authorization import Standing
from crmgraph.db.database import Database
from crmgraph.security import digest

KEPT_HOLDERS = 1_000
"""How many holders of tokens a worker knows."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever holds a token of a dialect.

    Attributes:
        expires_at: when the token stops being good; None for never.
        standing: what has to hold still of them at a later request.
    """

    actor: Actor
    expires_at: dt.datetime | None
    standing: Standing


async def actor_of_client(
    db: Database, dialect: Door, token: str, *, kind: str = "access", region: str | None = None
) -> Actor:
    """Whoever holds this token, see `holder_of`.

    Raises:
        Unauthenticated: see `holder_of`.
    """
    return (await holder_of(db, dialect, token, kind=kind, region=region)).actor


async def holder_of(
    db: Database, dialect: Door, token: str, *, kind: str = "access", region: str | None = None
) -> Holder:
    """Whoever holds this token: an agent in the place of the client's staff member, with no more than its grants.

    Identity documents are shown to it as far as that staff member has been given the right.

    Args:
        region: see `Actor`.

    Raises:
        Unauthenticated: no such token in this dialect, or it has expired or was revoked, or the client or its staff
            member is no longer active.
    """
    named = {"held_digest": digest(token), "held_kind": kind, "held_dialect": dialect}
    rows = await db.fetch_compiled("holder of token", _holder, named | {"held_at": now()})
    if not rows:
        raise Unauthenticated
    granted, narrowed, expires_at, *content = rows[0]
    client_id, _, _, staff_id, sees_identity = content
    grants = frozenset(granted)
    actor = Actor(
        door=dialect,
        role=Role.AGENT,
        staff_id=staff_id,
        client_id=client_id,
        sees_identity=sees_identity,
        grants=grants & frozenset(narrowed["only"]) if "only" in narrowed else grants,
        region=region,
    )
    named |= dict(zip((name for name, _ in _CONTENT), content, strict=True))
    return Holder(actor, expires_at, Standing("holder of token", _holds_still, named, "held_at"))


_CONTENT = (
    ("held_client", LegacyClient.id),
    ("held_grants", cast(LegacyClient.grants, Text)),
    ("held_narrowed", cast(LegacyToken.grants, Text)),
    ("held_staff", Staff.id),
    ("held_sees", Staff.sees_identity),
)
"""(parameter, what it is compared with) of all that an agent may do by."""


def _holder() -> Select[Any]:
    columns = (LegacyClient.grants, LegacyToken.grants, LegacyToken.expires_at)
    return _held(select(*columns, *(column for _, column in _CONTENT)))


def _held(query: Select[Any]) -> Select[Any]:
    return (
        query.join(LegacyClient, LegacyClient.id == LegacyToken.client_id)
        .join(Staff, Staff.id == LegacyClient.staff_id)
        .where(
            LegacyToken.digest == bindparam("held_digest"),
            LegacyToken.kind == bindparam("held_kind"),
            LegacyToken.revoked.is_(False),
            or_(LegacyToken.expires_at.is_(None), LegacyToken.expires_at > bindparam("held_at")),
            LegacyClient.dialect == bindparam("held_dialect"),
            LegacyClient.active.is_(True),
            Staff.active.is_(True),
        )
    )


def _holds_still() -> ColumnElement[bool]:
    """Whether a token is still held by an agent who may do just what was known of them."""
    query = _held(select(true()).select_from(LegacyToken))
    return query.where(*(column == bindparam(name, type_=column.type) for name, column in _CONTENT)).exists()


class Holders:
    """The holders of tokens that came last.

    What is known of one stands for nothing by itself: the statement that reads for them asks whether it holds still.
    """

    def __init__(self, db: Database, region: str | None) -> None:
        self._db = db
        self._region = region
        self._known: LRUCache[tuple[Door, str], Holder] = LRUCache(KEPT_HOLDERS)

    def known(self, dialect: Door, token: str) -> Holder | None:
        """The holder of an access token when `of` was last asked; None when it was not."""
        return self._known.get((dialect, digest(token)))

    async def of(self, dialect: Door, token: str) -> Holder:
        """The holder of an access token by what the database says now.

        Raises:
            Unauthenticated: see `holder_of`.
        """
        key = (dialect, digest(token))
        self._known.pop(key, None)
        holder = self._known[key] = await holder_of(self._db, dialect, token, region=self._region)
        return holder
