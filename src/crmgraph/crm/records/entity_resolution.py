"""Entity resolution: which record of the store somebody means who brings one in, many asked for at once.

A match is never a guess: an email or a telephone number that is shared by people of other names matches none of them,
and what several records answer to is said to be ambiguous.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Account, Email, Lead, PartyKind, Phone
from crmgraph.crm.policy import MODELS, Actor, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.parameters import Several
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.values.folding import fold, identity
from crmgraph.db.database import database_of


class MatchBy(StrEnum):
    """By what a record is found besides its external id."""

    EMAIL = "email"
    """An email address together with the name."""
    PHONE = "phone"
    """A telephone number, as E.164, together with the name."""
    NAME = "name"
    """The name alone, where nobody else has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody who is looked for.

    Attributes:
        name: of an account, else the first and the last name.
        emails: by their keys.
        phones: as E.164.
    """

    name: str
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Whoever was found.

    Attributes:
        party_id: None where nobody is, or several are.
        ambiguous: whether several are.
    """

    party_id: int | None = None
    ambiguous: bool = False


async def match(
    session: AsyncSession, actor: Actor, kind: PartyKind, wanted: Sequence[Wanted], by: Sequence[MatchBy]
) -> list[Match]:
    """Who of the live records is meant, for each one who is looked for, in a statement for each of `by`.

    Args:
        by: in this order: the first that finds anybody decides. Leads that were converted are nobody any more.
    """
    found = [Match()] * len(wanted)
    for each in by:
        open_ones = [i for i, match_ in enumerate(found) if match_ == Match()]
        keys = {key for i in open_ones for key in _keys(wanted[i], each)}
        if not keys:
            continue
        by_key: dict[str, set[tuple[int, str]]] = defaultdict(set)
        for key, own_id, name in await _rows(session, actor, kind, each, keys):
            by_key[key].add((own_id, name))
        for i in open_ones:
            same = identity(wanted[i].name)
            ids = {own_id for key in _keys(wanted[i], each) for own_id, name in by_key[key] if identity(name) == same}
            if ids:
                found[i] = Match(min(ids)) if len(ids) == 1 else Match(ambiguous=True)
    return found


def _keys(wanted: Wanted, by: MatchBy) -> Collection[str]:
    if by is MatchBy.NAME:
        return [key] if (key := fold(wanted.name)) else []
    return wanted.emails if by is MatchBy.EMAIL else wanted.phones


async def _rows(
    session: AsyncSession, actor: Actor, kind: PartyKind, by: MatchBy, keys: Collection[str]
) -> list[tuple[str, int, str]]:
    """(key, id, name) of whoever has one of the keys."""
    model: Any = MODELS[kind]
    sql = Sql(model, database_of(session).is_sqlite)

    def build() -> Any:
        names = (model.name,) if model is Account else (model.first_name, model.last_name)
        if by is MatchBy.NAME:
            # People are looked for by the last word of their name: the rest is compared here.
            key = model.name_key if model is Account else model.last_name_key
            query = select(key, model.id, *names)
        else:
            row: Any = Email if by is MatchBy.EMAIL else Phone
            key = Email.address_key if by is MatchBy.EMAIL else Phone.e164
            query = select(key, model.id, *names).join(row, row.party_id == model.id)
        query = query.where(sql.among(key, bindparam("keys", type_=Several(Text()))))
        if model is Lead:
            query = query.where(Lead.converted_at.is_(None))
        return query.where(visible(with_parameters(actor), model))

    given = list(keys)
    if by is MatchBy.NAME and model is not Account:
        given = list({" ".join(words[i:]) for key in keys for words in [key.split()] for i in range(len(words))})
    rows = await snapshots.rows_of(
        session, ("match", kind, by, visibility_key(actor)), build, {"keys": given} | visibility_values(actor)
    )
    told = [(key, own_id, " ".join(filter(None, names))) for key, own_id, *names in rows]
    if by is MatchBy.NAME and model is not Account:
        return [(fold(name), own_id, name) for _, own_id, name in told]
    return told
