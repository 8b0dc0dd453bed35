"""Write sets: records that are created, changed and removed together, whether one or thousands.

Each change is decided in memory, one after the other: rules, policy, what it names, numbers, slots and its entry in the
log. It finds the records as those before it left them, and what it refuses leaves no trace. What they name is read for
all of them at once (`known`), and what comes of them is written at once (`row_sets`), so that a set takes a constant
number of statements, and one record by itself is a set of one. See docs/decisions/sets.md.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm.attributes import set_committed_value

from crmgraph.crm.errors import Refused, refuse
from crmgraph.crm.models import Account, Action, Lead, Note, PartyKind, now
from crmgraph.crm.policy import MODELS, Actor, Record, require_staff
from crmgraph.crm.records import checks
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.change_log import Changes, Entry, RowPath, touch
from crmgraph.crm.records.checks import changed_values, require_revision, stale, would_change
from crmgraph.crm.records.contact_points import apply_rows, complete_numbers, region_of
from crmgraph.crm.records.edits import Edit, Stamp
from crmgraph.crm.records.keys import derive, derive_of_rows, keys_of, name_key
from crmgraph.crm.records.known import Known, Planned
from crmgraph.crm.records.leads import releases, require_unlocked, unworkable
from crmgraph.crm.records.local_changes import Held
from crmgraph.crm.records.row_sets import RowSet
from crmgraph.crm.records.rows import fresh, put
from crmgraph.crm.records.unit_of_work import UnitOfWork


class WriteSet:
    """Changes of records that are decided one by one, and written together.

    Until they are written, records that the set makes, and their rows, have provisional ids below zero.

    Args:
        unit: writes them.
        actor: whose they are.
    """

    def __init__(self, unit: UnitOfWork, actor: Actor) -> None:
        self._unit = unit
        self._actor = actor
        self._known = Known(unit, actor)
        self._rows = RowSet()
        self._held = Held(unit, actor)

    async def expect(self, planned: Iterable[Planned]) -> None:
        """Read at once what edits name that are about to be decided. What is not expected is read one by one."""
        planned = list(planned)
        await self._held.read(aggregate.id for _, aggregate, _ in planned if aggregate is not None)
        await self._known.read(planned)

    async def faults_of(self, kind: PartyKind, aggregate: Aggregate | None, edit: Edit) -> list[Refused]:
        """Everything for which an edit would be refused, whose values are brought into the form the store keeps.

        Args:
            aggregate: the record that it is to change; None for a new one.
        """
        return await checks.faults_of(self._known, self._actor, kind, aggregate, edit)

    async def unknown_references(self, kind: PartyKind, values: dict[str, Any]) -> list[Refused]:
        """The faults of those values of a record that name what the actor cannot name."""
        await self._known.read([(kind, None, Edit(values))])
        return checks.unknown_references(self._known, MODELS[kind], values)

    async def create(
        self,
        kind: PartyKind,
        edit: Edit,
        *,
        signing_up: bool = False,
        stamp: Stamp | None = None,
        checked: bool = False,
    ) -> Aggregate:
        """A new record with its rows.

        Args:
            edit: only additions; `number` may be given, and otherwise comes from its series.
            signing_up: the caller registers a customer, who is nobody's staff.
            stamp: when it was made elsewhere, and by whom.
            checked: whether the caller has asked for the faults of the edit, and mended them.

        Raises:
            Refused: everything that is wrong with the edit, at once; or the actor may not.
        """
        if not signing_up:
            require_staff(self._actor)
        if not checked:
            refuse(await self.faults_of(kind, None, edit))
        model: Any = MODELS[kind]
        at, author = now(), self._actor.staff_id
        stamps = {"created_at": at, "updated_at": at, "created_by_id": author, "modified_by_id": author}
        values = stamps | (stamp.given() if stamp is not None else {}) | edit.values
        values |= keys_of(model, values) | {"revision": 1, "extra_fields": edit.extra_fields}
        values["owner_key"] = await self._known.owner_key(values.get("owner_id"))
        record = fresh(model, values)
        self._rows.add(record)
        aggregate = Aggregate(record)
        changes = Changes(self._actor)
        for name, value in edit.values.items():
            changes.column(name, None, value)
        self._apply_rows(aggregate, edit, changes)
        self._apply_names(aggregate, edit, changes)
        self._known.created(record)
        self._rows.entries.append(changes.entry(record, Action.CREATED, at))
        return aggregate

    async def update(
        self,
        aggregate: Aggregate,
        edit: Edit,
        *,
        if_revision: int | None = None,
        stamp: Stamp | None = None,
        checked: bool = False,
        faults: Sequence[Refused] = (),
    ) -> bool:
        """Change a record that this set has made, or that was loaded with `lock` or for the change in the same unit.

        What would change nothing changes nothing, not even the revision.

        Args:
            if_revision: the revision that the caller read; another one now is refused.
            stamp: when it was made and changed elsewhere, by whom, and how it stands there.
            checked: whether the caller has asked for the faults of the edit, and mended them.
            faults: what is wrong with it for the caller already.

        Returns:
            Whether anything changed.

        Raises:
            Refused: everything that is wrong with the edit, at once; or the actor may not.
            NotApproved, Locked, Invalid: nobody may work on this lead now, see `leads.unworkable`.
            HeldUpstream: an old CRM would not learn of it.
        """
        record = aggregate.record
        found = stale(record, if_revision)
        if isinstance(record, Lead) and not releases(edit) and (stamp is None or stamp.state is None):
            found += unworkable(record)
        found += faults
        if not checked:
            known = {fault.path for fault in faults}
            found += [each for each in await self.faults_of(aggregate.kind, aggregate, edit) if each.path not in known]
        refuse(found)
        await self._held.read([record.id])
        if self._held.holds(record) and would_change(self._known, aggregate, edit):
            self._held.require_free(record)

        primary = _primary_email(aggregate)
        changes = Changes(self._actor)
        changed = changed_values(record, edit.values | (stamp.given() if stamp is not None else {}))
        held = vars(record)
        before = {name: held[name] for name in changed}
        for name, value in changed.items():
            changes.column(name, before[name], value)
            put(record, name, value)
        if "owner_id" in before:
            record.owner_key = await self._known.owner_key(record.owner_id)
        self._known.changed(record, before)
        self._rename(aggregate, derive(record, changed.keys()))
        self._apply_rows(aggregate, edit, changes)
        self._apply_names(aggregate, edit, changes)
        if edit.extra_fields:
            record.extra_fields = changes.extra_fields(record.extra_fields, edit.extra_fields)
        login = aggregate.login
        if login is not None and _primary_email(aggregate) not in (primary, login.email_key):
            aggregate.parted_login = login.email
        self._rows.touch(record, *aggregate.rows)
        if not changes:
            return False
        touch(record, self._actor, stamp)
        self._rows.entries.append(changes.entry(record, Action.UPDATED, now() if stamp is not None else None))
        return True

    def remove(
        self,
        aggregate: Aggregate,
        *,
        if_revision: int | None = None,
        merged_into: int | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        """Take a record out of every door's sight that was loaded with `lock`, or made by this set; free its uniques.

        Its rows stay, and so does what other records hold of it: nobody sees that while it is deleted.

        Args:
            if_revision: the revision that the caller read; another one now is refused.
            merged_into: the record of its kind into which it was merged, to which everything leads from now on.
            stamp: when it was removed elsewhere, `updated_at`, and by whom.

        Raises:
            Unauthenticated, Forbidden: the actor is not staff.
            Stale: it has another revision.
            Locked: a process holds it, and not elsewhere.
            HeldUpstream: an old CRM would not learn of it.
        """
        require_staff(self._actor)
        record = aggregate.record
        require_revision(record, if_revision)
        self._held.require_free(record)
        if stamp is None:
            require_unlocked(record)
        else:
            for name, value in stamp.given().items():
                setattr(record, name, value)
        touch(record, self._actor, stamp)
        record.deleted_at = record.updated_at
        changes = Changes(self._actor)
        if merged_into is not None:
            record.merged_into_id = merged_into
            changes.column(f"merged_into_{aggregate.kind.value.lower()}_id", None, merged_into)
        self._known.removed(record)
        self._rows.touch(record)
        self._rows.removed.append(record)
        if isinstance(record, Account) and record.id > 0:
            self._rows.account_names[record.id] = ""
        self._rows.entries.append(changes.entry(record, Action.DELETED, now() if stamp is not None else None))

    def restore(self, aggregate: Aggregate, faults: list[Refused], *, if_revision: int | None = None) -> None:
        """Bring a deleted record back, which is locked; see `trash.restore`.

        Args:
            faults: why it cannot come back as it was.
            if_revision: the revision that the caller read; another one now is refused.

        Raises:
            Refused: any of that.
        """
        record = aggregate.record
        refuse(stale(record, if_revision) + faults)
        self._held.require_free(record)
        touch(record, self._actor)
        record.deleted_at = None
        self._rows.touch(record)
        if isinstance(record, Account):
            self._rows.account_names[record.id] = name_key(record)
        self._rows.entries.append(Changes(self._actor).entry(record, Action.RESTORED))

    def amend(self, aggregate: Aggregate, values: dict[str, Any]) -> None:
        """Give a record that this set makes more values, which nothing is wrong with: within its first revision."""
        (entry,) = (each for each in self._rows.entries if each.record is aggregate.record)
        for name, value in values.items():
            setattr(aggregate.record, name, value)
            entry.fields.append({"field": name, "old": None, "new": value})

    async def take(
        self,
        aggregate: Aggregate,
        values: dict[str, Any],
        extra_fields: dict[str, dict[str, Any]],
        changes: Changes,
        action: Action,
    ) -> Entry:
        """Give a record values that nothing is wrong with, as one change beside what the caller has noted.

        Args:
            aggregate: with all its rows.
            values: {column: value}.
            extra_fields: {dialect: {key: value}}, merged key by key; None takes a key out.

        Returns:
            The entry of the log.
        """
        record = aggregate.record
        for name, value in values.items():
            changes.column(name, getattr(record, name), value)
            setattr(record, name, value)
        if "owner_id" in values:
            record.owner_key = await self._known.owner_key(record.owner_id)
        record.extra_fields = changes.extra_fields(record.extra_fields, extra_fields)
        self._rename(aggregate, derive(record))
        derive_of_rows(record, {name: getattr(aggregate, name) for name in ("phones", "emails", "addresses")})
        touch(record, self._actor)
        self.touch(record, *aggregate.rows)
        entry = changes.entry(record, action)
        self._rows.entries.append(entry)
        return entry

    def touch(self, *rows: Any) -> None:
        """Write what the caller has changed of rows by itself."""
        self._rows.touch(*rows)

    def leave_out(self, row: Any) -> None:
        """Let a row of a record go that the caller has taken out of it."""
        self._rows.remove(row)

    def note(
        self, record: Record, changes: Changes, action: Action = Action.UPDATED, *, stamp: Stamp | None = None
    ) -> None:
        """Take up changes that the caller has made of a record, or of what belongs to it, by itself.

        Args:
            stamp: when it was changed elsewhere, as it stands on the record by now.

        Raises:
            HeldUpstream: an old CRM would not learn of it.
        """
        self._held.require_free(record)
        touch(record, self._actor, stamp)
        self._rows.touch(record)
        self._rows.entries.append(changes.entry(record, action, now() if stamp is not None else None))

    async def write(self) -> None:
        """Write everything that was decided. The transaction is not ended: whoever has begun it does.

        Raises:
            HeldUpstream: an old CRM would not learn of it.
        """
        if not self._rows:
            return
        await self._held.require_all_free([entry.record for entry in self._rows.entries])
        await self._unit.write(self._rows)

    def id_of(self, provisional: int) -> int:
        """The id of a record, which may have had a provisional one before it was written."""
        return self._rows.ids.get(provisional, provisional)

    def _rename(self, aggregate: Aggregate, key: str | None) -> None:
        """Let the addresses of a record repeat its name, where that has changed."""
        if key is None:
            return
        for row in aggregate.addresses:
            set_committed_value(row, "name_key", key)
        if aggregate.id > 0:
            self._rows.name_keys[aggregate.id] = key  # whether or not they were loaded
            if isinstance(aggregate.record, Account):
                self._rows.account_names[aggregate.id] = key

    def _apply_rows(self, aggregate: Aggregate, edit: Edit, changes: Changes) -> None:
        """Carry out the edits of all lists."""
        lists = edit.lists()
        # Addresses first: the country of the first one is the region of phones that name none.
        if "addresses" in lists:
            key = name_key(aggregate.record)
            apply_rows(self._rows, aggregate, "addresses", edit.addresses, changes, {"name_key": key})
        if "emails" in lists:
            given = {"self_given": not self._actor.is_staff}
            apply_rows(self._rows, aggregate, "emails", edit.emails, changes, given)
        region = region_of(aggregate.addresses) or self._actor.region
        if "phones" in lists:
            apply_rows(self._rows, aggregate, "phones", edit.phones, changes, {"region": region})
        if "relations" in lists:
            apply_rows(self._rows, aggregate, "relations", edit.relations, changes, {})
        if "phones" in lists or "addresses" in lists:
            # What is derived is nobody's change: it is written, and not told in the log.
            complete_numbers(aggregate.phones, region)
        written = lists.keys() & {"emails", "phones", "addresses"}
        written |= {"phones"} if "addresses" in lists else set()
        derive_of_rows(aggregate.record, {name: getattr(aggregate, name) for name in written})

    def _apply_names(self, aggregate: Aggregate, edit: Edit, changes: Changes) -> None:
        """Let a record be called what the edit says, and take up the notes that come with it."""
        record = aggregate.record
        for each in edit.external_ids.add:
            if self._known.called(each) is None:
                self._known.call(each, record.id)
                self._rows.called.append((record, each))
                changes.column(f"external_ids.{each.system}.{each.space}", None, each.value)
        for each in edit.external_ids.remove:
            if self._known.called(each) == record.id:
                self._known.call(each, None)
                self._rows.uncalled.append((record, each))
                changes.column(f"external_ids.{each.system}.{each.space}", each.value, None)
        for values in edit.notes:
            note = fresh(Note, {"party_id": record.id} | values)
            self._rows.add(note)
            changes.added(RowPath("notes", note), note)


def _primary_email(aggregate: Aggregate) -> str | None:
    """What the first active email is found by."""
    return next((row.address_key for row in aggregate.emails if row.active), None)
