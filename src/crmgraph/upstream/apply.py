"""Applying what an old CRM tells: records of a page are decoded, decided and written together, as of that CRM.

It is the way of every write set (`crm/records/sets.py`), with the times, the authors and the state that records have
there. What is wrong with one record refuses that one alone, and its external id is claimed in the set that makes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Circular, Invalid, Refused
from crmgraph.crm.identity import staff
from crmgraph.crm.models import Door, ExternalId, Outcome, Party, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, ExternalIdValue, Stamp
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.crm.values.text import fault_of
from crmgraph.mapping import Decoded
from crmgraph.rest.pulling import Gone, Person, Pulled, PulledUser, Pulling

_PARTS = ("phones", "emails", "addresses", "photo")
LOOKUP = "LOOKUP"
"""The code of what names something that is not here: it comes again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something was not taken, or not all of it.

    Attributes:
        message: the first fault, with the upstream's own word for the field; no value of it.
    """

    code: str
    message: str


@dataclass(slots=True)
class Applied:
    """What became of a record.

    Attributes:
        party_id: None where it was refused.
        fault: why it was refused; of one that was taken, what it names that is not here.
        photo: whether its photo there is another one than here.
    """

    pulled: Pulled
    outcome: Outcome = Outcome.UNCHANGED
    party_id: int | None = None
    fault: Fault | None = None
    photo: bool = False


@dataclass(slots=True)
class _Planned:
    applied: Applied
    aggregate: Aggregate | None
    decoded: Decoded


def actor_of(region: str | None) -> Actor:
    """Who applies what an upstream tells."""
    return Actor(Door.UPSTREAM, Role.ADMIN, sees_identity=True, region=region)


class Applying:
    """Applies what the upstream of a dialect tells, in one transaction.

    Args:
        session: in the transaction.
        region: whose telephone numbers need no country code.
    """

    def __init__(self, session: AsyncSession, door: Door, pulling: Pulling, region: str | None) -> None:
        self._session = session
        self._dialect = door.dialect
        self._pulling = pulling
        self._actor = actor_of(region)
        self._staff: dict[str, int] = {}

    # --- records

    async def records(self, kind: PartyKind, told: Sequence[Pulled]) -> list[Applied]:
        """Bring records of a kind up to date, of one that comes twice as it comes last; what became of each."""
        pulled = list({each.id: each for each in told}.values())
        await self.people([p for each in pulled for p in (each.created_by, each.modified_by, *each.people) if p])
        resolved = await self._look_up(kind, pulled)
        unit = Transaction(self._session)
        known = {
            each.id: own
            for each in pulled
            if (own := resolved.get((self._pulling.space_of(kind), each.id))) is not None
        }
        loaded = await aggregates.load_for_change(unit, self._actor, kind, set(known.values()), parts=_PARTS)
        written = WriteSet(unit, self._actor)
        planned, done = [], []
        for each in pulled:
            own_id = known.get(each.id)
            aggregate = None if own_id is None else loaded.get(own_id)
            if own_id is not None and aggregate is None:
                fault = Fault("TAKEN", f"id {each.id}: of another record here")
                done.append(Applied(each, Outcome.REFUSED, fault=fault))
            else:
                planned.append(_Planned(Applied(each), aggregate, self._decode(each, aggregate, resolved)))
        await written.expect((kind, one.aggregate, one.decoded.edit) for one in planned)
        for one in planned:
            await self._carry_out(written, one, resolved)
        await written.write()
        for one in planned:
            if one.aggregate is not None and one.applied.outcome is not Outcome.REFUSED:
                one.applied.party_id = written.id_of(one.aggregate.id)
        return done + [one.applied for one in planned]

    async def _look_up(self, kind: PartyKind, pulled: Sequence[Pulled]) -> dict[Any, int]:
        """Our ids of everything that the records are and name, in one statement."""
        space, decoding = self._pulling.space_of(kind), self._pulling.decoding[kind]
        wanted = {(space, each.id) for each in pulled}
        for each in pulled:
            wanted |= set(decoding.names(each.body))
            wanted |= {(space, value) for value in each.became.values()}
        found: dict[Any, int] = dict(await external_ids.resolve(self._session, self._dialect, wanted))
        return found | {(self._pulling.users, value): own for value, own in self._staff.items()}

    def _decode(self, pulled: Pulled, aggregate: Aggregate | None, resolved: Mapping[Any, int]) -> Decoded:
        decoded = self._pulling.decoding[pulled.kind].decode(pulled.body, aggregate, resolved)
        edit = decoded.edit
        if aggregate is None:
            edit.external_ids.add.append(ExternalIdValue(self._dialect, self._pulling.space_of(pulled.kind), pulled.id))
            return decoded
        kept = aggregate.record.extra_fields.get(self._dialect, {})
        told = edit.extra_fields.get(self._dialect, {})
        for name in [name for name, value in told.items() if kept.get(name) == value]:
            del told[name]
        if pulled.is_whole:
            gone = {name: None for name, value in kept.items() if value is not None and name not in pulled.body}
            told |= gone
        if told:
            edit.extra_fields[self._dialect] = told
        else:
            edit.extra_fields.pop(self._dialect, None)
        return decoded

    async def _carry_out(self, written: WriteSet, one: _Planned, resolved: dict[Any, int]) -> None:
        applied, pulled = one.applied, one.applied.pulled
        if one.decoded.faults:
            # What it names may have come with this very page.
            one.decoded = self._decode(pulled, one.aggregate, resolved)
        edit = one.decoded.edit
        faults = one.decoded.faults + await written.faults_of(pulled.kind, one.aggregate, edit)
        faults = [each for each in faults if not self._is_known_staff(edit, each)]
        missing = [each for each in faults if isinstance(each, Circular) or _is_unknown(each)]
        if fatal := [each for each in faults if each not in missing]:
            applied.outcome, applied.fault = Outcome.REFUSED, _fault(one.decoded, fatal[0])
            return
        for each in missing:
            edit.values.pop(str(each.path[0]), None)
        stamp, unknown = self._stamp(pulled, resolved)
        if missing or unknown:
            told = _fault(one.decoded, missing[0]).message if missing else f"{unknown[0]}: is not here"
            applied.fault = Fault(LOOKUP, told)
        if one.aggregate is None:
            one.aggregate = await written.create(pulled.kind, edit, stamp=stamp, checked=True)
            resolved[self._pulling.space_of(pulled.kind), pulled.id] = one.aggregate.id
            applied.outcome = Outcome.CREATED
        elif await written.update(one.aggregate, edit, stamp=stamp, checked=True):
            applied.outcome = Outcome.UPDATED
        applied.photo = pulled.tells_photo and _differs(one.aggregate, pulled)

    def _is_known_staff(self, edit: Edit, fault: Refused) -> bool:
        """Whether a fault is that somebody owns it who does not work there any more: so it is."""
        return (
            fault.path == ("owner_id",) and _is_unknown(fault) and edit.values.get("owner_id") in self._staff.values()
        )

    def _stamp(self, pulled: Pulled, resolved: Mapping[Any, int]) -> tuple[Stamp, list[str]]:
        """How a record stands there, and what it became that is not here."""
        state, unknown = dict(pulled.state), []
        for column, value in pulled.became.items():
            own = resolved.get((self._pulling.space, value))
            if own is None:
                unknown.append(column)
            else:
                state[column] = own
        maker, changer = (None if p is None else self._staff.get(p.id) for p in (pulled.created_by, pulled.modified_by))
        return Stamp(pulled.created_at, pulled.updated_at, maker, changer, state), unknown

    async def gone(self, kind: PartyKind, told: Sequence[Gone]) -> int:
        """Remove those of these records that are here; how many."""
        await self.people([each.by for each in told if each.by is not None])
        space = self._pulling.space_of(kind)
        found = await external_ids.resolve(self._session, self._dialect, {(space, each.id) for each in told})
        own = {found[space, each.id]: each for each in told if (space, each.id) in found}
        unit = Transaction(self._session)
        loaded = await aggregates.load_for_change(unit, self._actor, kind, set(own), parts=()) if own else {}
        written = WriteSet(unit, self._actor)
        for own_id, aggregate in loaded.items():
            each = own[own_id]
            by = None if each.by is None else self._staff.get(each.by.id)
            written.remove(aggregate, stamp=Stamp(updated_at=each.at, modified_by_id=by))
        await written.write()
        return len(loaded)

    # --- staff

    async def people(self, wanted: Sequence[Person]) -> dict[str, int]:
        """{what somebody is called there: their id here}; who is not here becomes staff without a login, who works
        there no more. Whose id could be one of ours stays unknown."""
        new = {each.id: each for each in wanted if each.id not in self._staff}
        if new:
            await self._know(new)
            for each in new.values():
                if each.id not in self._staff:
                    await self._add(PulledUser(each, active=False))
        return self._staff

    async def users(self, told: Sequence[PulledUser]) -> int:
        """Bring the staff up to date with the users there; how many have changed or come. Who has a login here is left
        alone: what they may do is decided here."""
        await self._know({each.person.id: each.person for each in told})
        changed = 0
        for each in told:
            own = self._staff.get(each.person.id)
            if own is None:
                await self._add(each)
                changed += each.person.id in self._staff
            else:
                changed += await staff.follow(
                    self._session,
                    own,
                    each.person.name,
                    each.person.email,
                    Role.ADMIN if each.is_admin else Role.AGENT,
                    active=each.active,
                )
        return changed

    async def _know(self, wanted: Mapping[str, Person]) -> None:
        unknown = [value for value in wanted if value not in self._staff]
        space = self._pulling.users
        found = await external_ids.resolve(self._session, self._dialect, {(space, value) for value in unknown})
        self._staff |= {value: own for (_, value), own in found.items()}

    async def _add(self, user: PulledUser) -> None:
        """A member of the staff of this name, or the one who has the email here and is nobody else there."""
        person = user.person
        if external_ids.may_be_minted(self._dialect, self._pulling.users, person.id):
            return  # it could be an id of ours: nobody is known by it
        own = await staff.unnamed(self._session, person.email, self._dialect, self._pulling.users)
        if own is None:
            role = Role.ADMIN if user.is_admin else Role.AGENT
            email = staff.email_or_none(person.email)
            name = person.name if person.name and not fault_of(person.name) else email or person.id
            made = await staff.add_staff(self._session, name, email, role, None)
            made.active = user.active
            own = made.id
        await external_ids.claim(self._session, self._dialect, self._pulling.users, person.id, staff=own)
        self._staff[person.id] = own


def _is_unknown(fault: Refused) -> bool:
    return isinstance(fault, Invalid) and fault.reason == "reference"


def _differs(aggregate: Aggregate, pulled: Pulled) -> bool:
    photo = aggregate.photo
    if photo is None:
        return pulled.photo is not None
    # What was given here, and never there, is nothing that there is to take away.
    return photo.source != pulled.photo and (pulled.photo is not None or photo.source is not None)


def _fault(decoded: Decoded, refused: Refused) -> Fault:
    name = decoded.name_of(refused.path) or ".".join(map(str, refused.path)) or "record"
    if _is_unknown(refused) or isinstance(refused, Circular):
        return Fault(
            LOOKUP, f"{name}: names what is not here" if not isinstance(refused, Circular) else f"{name}: is a circle"
        )
    reason = f", {refused.reason}" if isinstance(refused, Invalid) else ""
    code = "".join(f"_{c}" if c.isupper() else c.upper() for c in type(refused).__name__).lstrip("_")
    return Fault(code.upper(), f"{name}: {type(refused).__name__}{reason}")


async def held_ids(session: AsyncSession, door: Door, space: str, kind: PartyKind) -> set[str]:
    """What the live records of a kind are called in a dialect."""
    query = select(ExternalId.value).join(Party, Party.id == ExternalId.party_id)
    query = query.where(Party.kind == kind, ExternalId.dialect == door.dialect, ExternalId.space == space)
    query = query.where(ExternalId.live.is_(True), ExternalId.former_id.is_(None))
    return set(await session.scalars(query))
