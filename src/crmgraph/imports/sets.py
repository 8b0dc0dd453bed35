"""The records of a set of files together: which row is meant by which, who is the same, what is implied.

All rows are taken first and spooled; then they are told in their order, each with its references. Both passes need
memory for a row at a time.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.crm.values.folding import fold, identity
from crmgraph.crm.values.text import email_key
from crmgraph.imports.cells import split_name
from crmgraph.imports.drafts import Draft, Link, key_of
from crmgraph.imports.fields import OPT_OUTS
from crmgraph.imports.index import Index, Spool, packed, unpacked
from crmgraph.imports.records import (
    Event,
    External,
    Merged,
    Note,
    Options,
    Place,
    Record,
    Ref,
    Refusal,
    Skipped,
    StaffRef,
    StoredRef,
    Warned,
)

Stored = Callable[[PartyKind, Sequence[External]], Collection[External]]
"""Which of the ids of this kind are those of records that the store has."""

ASKED = 5_000
"""Ids that the store is asked about at once."""
MAX_MERGES = 10
"""How many times a reference is followed to where a merged record went."""
_ROWS = {"phones": ("raw",), "emails": ("address",), "addresses": ("kind", "street", "city", "postalCode")}


class RecordSet:
    """Takes the rows of all files, and tells the records that they make."""

    def __init__(
        self,
        options: Options,
        importer: StaffRef | None,
        *,
        stored: Stored | None,
    ) -> None:
        """
        Args:
            importer: owns the accounts that are implied.
            stored: which of such ids are those of records of the store; None where there is no store.
        """
        self._options = options
        self._importer = importer
        self._stored = stored
        self._index = Index()
        self._spool = Spool()
        self._brought: set[PartyKind] = set()

    def bring(self, kind: PartyKind) -> None:
        """Say that a file has the records of this kind: a reference to one that it lacks is broken."""
        self._brought.add(kind)

    def close(self) -> None:
        """Let go of what is on disk."""
        self._index.close()
        self._spool.close()

    # --- the first pass

    def add(self, item: Draft | Refusal | Skipped) -> None:
        """Take a row."""
        if not isinstance(item, Draft):
            self._spool.add(item)
            return
        if item.skip is not None:
            if item.master and item.external:
                self._index.run(
                    "INSERT OR REPLACE INTO moved VALUES (?, ?, ?)", item.kind, _id(item.external), item.master
                )
                self._name(item.kind, External(item.external.system, item.external.space, item.master))
            self._spool.add(Skipped(item.at, *item.skip))
            return
        record = item.finish()
        links = list(item.links.values())
        for link in links:
            if link.external is not None:
                self._name(link.kind, link.external)
            elif link.name and link.kind is PartyKind.ACCOUNT:
                self._index.run("INSERT OR IGNORE INTO spelled VALUES (?, ?)", account_key(link.name), link.name)
        if isinstance(record, Refusal):
            self._spool.add((record, links))
            return
        facts = {"name_column": item.columns.get("name"), "email_column": item.columns.get("email")}
        stamp = item.order_at or item.updated_at
        if record.external is not None:
            self._add_known(record, links, facts, stamp.isoformat() if stamp else "", item.order_at is not None)
        else:
            self._add_unknown(record, links, facts)
        self._learn(record)

    def _name(self, kind: PartyKind, external: External) -> None:
        """Note that a row names a record by its id."""
        if self._stored is not None:
            self._index.run("INSERT OR IGNORE INTO named VALUES (?, ?)", kind, _id(external))

    def _add_known(self, record: Record, links: list[Link], facts: dict[str, Any], stamp: str, ordered: bool) -> None:
        id_ = _id(record.external)
        seq = self._spool.add((record, links, facts))
        before = self._index.one("SELECT seq, stamp FROM made WHERE kind = ? AND id = ?", record.kind, id_)
        if before is None or stamp >= before[1]:
            self._index.run(
                "INSERT OR REPLACE INTO made VALUES (?, ?, ?, ?, ?)", record.kind, id_, seq, record.key, stamp
            )

    def _add_unknown(self, record: Record, links: list[Link], facts: dict[str, Any]) -> None:
        twins, same = self._twins(record)
        key = reason = None
        for twin in twins:
            if (row := self._index.one("SELECT key FROM twins WHERE twin = ?", twin)) is not None:
                key = row[0]
                reason = "every value is the same" if twin == same else "the same name and email address"
                break
        if key is not None:
            record.key = key
            self._index.run("UPDATE members SET n = n + 1 WHERE key = ?", key)
        else:
            if record.kind is PartyKind.ACCOUNT:
                record.key = account_key(record.input["name"])
            self._index.run("INSERT OR REPLACE INTO members VALUES (?, 1, NULL)", record.key)
        for twin in twins:
            self._index.run("INSERT OR IGNORE INTO twins VALUES (?, ?)", twin, record.key)
        self._spool.add((record, links, {**facts, "reason": reason}))

    @staticmethod
    def _twins(record: Record) -> tuple[list[str], str]:
        """What a record has in common with another row about the same."""
        values = record.input
        content = repr((sorted((k, repr(v)) for k, v in values.items()), sorted(record.kept.items(), key=str)))
        same = "=" + blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        if record.kind is PartyKind.ACCOUNT:
            return [f"{record.kind}\0{identity(values['name'])}"], same
        name = fold(f"{values.get('firstName', '')} {values['lastName']}")
        emails = [email_key(row["address"]) for row in values.get("emails", {}).get("add", ())]
        return [same, *(f"{record.kind}\0{email}\0{name}" for email in emails)], same

    def _learn(self, record: Record) -> None:
        values = record.input
        name = values["name"] if record.kind is PartyKind.ACCOUNT else _full_name(values)
        self._index.run("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", record.kind, identity(name), record.key)
        for row in values.get("emails", {}).get("add", ()):
            self._index.run(
                "INSERT OR IGNORE INTO emails VALUES (?, ?, ?)", record.kind, email_key(row["address"]), record.key
            )

    def add_note(self, at: Place, kind: PartyKind, external: External, note: Note) -> None:
        """Take a note of the record of this id."""
        seq = self._spool.add((at, kind, external))
        self._index.run("INSERT INTO notes VALUES (?, ?, ?, ?)", kind, _id(external), seq, packed(note))

    # --- the second pass

    def events(self) -> Iterator[Event]:
        """Every row as what became of it, and the records that are implied before the first that names them."""
        if self._stored is not None:
            self._find_stored(self._stored)
        for seq, item in self._spool:
            match item:
                case Refusal() | Skipped():
                    yield item
                case (Refusal() as refusal, links):
                    yield from self._still_made(links)
                    yield refusal
                case (Record() as record, links, facts):
                    yield from self._tell(seq, record, links, facts)
                case (Place() as at, kind, external):
                    if self._made(external, kind) is None:
                        yield Skipped(at, "PARENT_NOT_IMPORTED", "its parent is no record of these files")

    def _find_stored(self, stored: Stored) -> None:
        """Know which of the records that rows name, and that are in no file, the store has."""
        missing = self._index.each(
            "SELECT kind, id FROM named WHERE NOT EXISTS"
            " (SELECT 1 FROM made WHERE made.kind = named.kind AND made.id = named.id)"
        )
        while some := list(islice(missing, ASKED)):
            for kind in PartyKind:
                wanted = [External(*id_.split("\0")) for of_kind, id_ in some if of_kind == kind]
                for external in stored(kind, wanted) if wanted else ():
                    self._index.run("INSERT OR IGNORE INTO stored VALUES (?, ?)", kind, _id(external))

    def _is_stored(self, kind: PartyKind, external: External) -> bool:
        known = "SELECT 1 FROM stored WHERE kind = ? AND id = ?"
        return self._stored is not None and self._index.one(known, kind, _id(external)) is not None

    def _still_made(self, links: list[Link]) -> Iterator[Record]:
        """The accounts that a refused row names by their ids."""
        for link in links:
            if link.field == "account" and link.external and link.name:
                record = Record(PartyKind.CONTACT, "", None, {})
                yield from self._resolve(record, link)

    def _tell(self, seq: int, record: Record, links: list[Link], facts: dict[str, Any]) -> Iterator[Event]:
        if record.external is not None:
            winner = self._index.one(
                "SELECT seq FROM made WHERE kind = ? AND id = ?", record.kind, _id(record.external)
            )
            if winner is not None and winner[0] != seq and record.at is not None:
                yield Merged(record.at, Ref(record.kind, record.key), "the same id; the later change wins")
                return
        else:
            left, held = self._index.one("SELECT n, held FROM members WHERE key = ?", record.key) or (1, None)
            if held is not None:
                first, first_links, first_facts = unpacked(held)
                if record.at is not None:
                    yield Merged(record.at, Ref(record.kind, record.key), facts["reason"] or "the same values")
                _merge(first, record)
                record, facts = first, first_facts
                links = first_links + [each for each in links if each.field not in {one.field for one in first_links}]
            if left > 1:
                self._index.run(
                    "UPDATE members SET n = n - 1, held = ? WHERE key = ?", packed((record, links, facts)), record.key
                )
                return
        for link in links:
            yield from self._resolve(record, link)
        self._relate(record)
        self._compare(record, facts)
        self._take_notes(record)
        yield record

    def _relate(self, record: Record) -> None:
        """Find the records that a record is related to."""
        for each in record.relations:
            if each.of is None or each.external is None:
                continue
            if (key := self._made(each.external, each.of)) is not None:
                each.to = Ref(each.of, key)
            elif self._is_stored(each.of, each.external):
                each.to = StoredRef(each.of, each.external)
            else:
                record.warnings.append(Warned("REFERENCE_BROKEN", "relations", each.external.value))

    def _compare(self, record: Record, facts: dict[str, Any]) -> None:
        if record.kind is PartyKind.ACCOUNT:
            self._same_name(record, facts["name_column"])
        for row in record.input.get("emails", {}).get("add", ()):
            email = email_key(row["address"])
            keys = self._index.all("SELECT key FROM emails WHERE kind = ? AND email = ? LIMIT 2", record.kind, email)
            if len(keys) > 1 and record.kind is PartyKind.CONTACT:
                record.warnings.append(Warned("SHARED_EMAIL", facts["email_column"], row["address"]))

    def _same_name(self, record: Record, column: str | None) -> None:
        name = identity(record.input["name"])
        first = self._index.one("SELECT key FROM told WHERE kind = ? AND name = ?", record.kind, name)
        if first is None:
            self._index.run("INSERT INTO told VALUES (?, ?, ?)", record.kind, name, record.key)
        elif first[0] != record.key:
            record.warnings.append(Warned("SAME_NAME", column, record.input["name"]))

    def _take_notes(self, record: Record) -> None:
        if record.external is not None:
            rows = self._index.all(
                "SELECT note FROM notes WHERE kind = ? AND id = ? ORDER BY seq", record.kind, _id(record.external)
            )
            record.notes += [unpacked(blob) for (blob,) in rows]

    def _made(self, external: External, kind: PartyKind) -> str | None:
        row = self._index.one("SELECT key FROM made WHERE kind = ? AND id = ?", kind, _id(external))
        return row[0] if row else None

    def _resolve(self, record: Record, link: Link) -> Iterator[Record]:
        """Set a reference of a record; an account that is implied by it comes first."""
        if link.external is not None:
            yield from self._by_id(record, link, link.external)
        elif link.name is not None:
            yield from self._by_name(record, link, link.name)

    def _by_id(self, record: Record, link: Link, external: External) -> Iterator[Record]:
        given = external.value
        for _ in range(MAX_MERGES):
            moved = self._index.one("SELECT master FROM moved WHERE kind = ? AND id = ?", link.kind, _id(external))
            if moved is None:
                break
            external = External(external.system, external.space, moved[0])
        if external.value != given:
            record.warnings.append(Warned("REFERENCE_MERGED", link.column, given, facts={"to": external.value}))
        if (key := self._made(external, link.kind)) is not None:
            record.input[link.field] = Ref(link.kind, key)
        elif link.kind is PartyKind.ACCOUNT and link.name and link.kind not in self._brought and self._makes:
            # Whether the store has it or not: a run that goes on has to be told the same as before the crash.
            key = key_of(link.kind, external.system, external.value)
            yield from self._imply(key, link, external)
            record.input[link.field] = Ref(link.kind, key)
        elif self._is_stored(link.kind, external):
            record.input[link.field] = StoredRef(link.kind, external)
        else:
            record.warnings.append(Warned("REFERENCE_BROKEN", link.column, external.value))

    @property
    def _makes(self) -> bool:
        return self._options.accounts == "create"

    def _by_name(self, record: Record, link: Link, name: str) -> Iterator[Record]:
        keys = self._index.all("SELECT key FROM names WHERE kind = ? AND name = ? LIMIT 2", link.kind, identity(name))
        if not keys and link.kind is PartyKind.CONTACT and "," in name:
            first, last, _ = split_name(name)
            swapped = identity(f"{first} {last}")
            keys = self._index.all("SELECT key FROM names WHERE kind = ? AND name = ? LIMIT 2", link.kind, swapped)
        if len(keys) == 1 and keys[0][0] != record.key:
            record.input[link.field] = Ref(link.kind, keys[0][0])
        elif keys or link.kind is not PartyKind.ACCOUNT or self._options.accounts == "ignore":
            record.kept[link.column] = link.given
            code = "REFERENCE_AMBIGUOUS" if keys else "REFERENCE_BROKEN"
            if self._options.accounts != "ignore" or link.kind is not PartyKind.ACCOUNT:
                record.warnings.append(Warned(code, link.column, name))
        else:
            if self._options.accounts == "link":
                # Nobody knows yet whether the store has it: the text stays.
                record.kept[link.column] = link.given
            key = account_key(name)
            yield from self._imply(key, link, None)
            record.input[link.field] = Ref(link.kind, key)

    def _imply(self, key: str, link: Link, external: External | None) -> Iterator[Record]:
        if self._index.one("SELECT 1 FROM implied WHERE key = ?", key) is not None:
            return
        self._index.run("INSERT INTO implied VALUES (?)", key)
        spelled = self._index.one("SELECT name FROM spelled WHERE key = ?", key)
        values: dict[str, Any] = {"name": spelled[0] if spelled else link.name}
        if link.number is not None:
            values["number"] = link.number
        if self._importer is not None:
            values["owner"] = self._importer
        record = Record(link.kind, key, None, values, external, match_name=external is None, implied=True)
        record.only_known = self._options.accounts == "link"
        self._same_name(record, link.name_column)
        yield record


def account_key(name: str) -> str:
    """The key of an account that has no id: one for each name."""
    return f"account:name:{identity(name)}"


def _full_name(values: dict[str, Any]) -> str:
    return f"{values.get('firstName', '')} {values['lastName']}".strip()


def _id(external: External | None) -> str:
    return "" if external is None else f"{external.system}\0{external.space}\0{external.value}"


def _merge(into: Record, other: Record) -> None:
    """Fill what is blank from another row about the same, and add its numbers and addresses."""
    for name, value in other.input.items():
        if name in _ROWS and name in into.input:
            rows = into.input[name]["add"]
            seen = {_row_key(name, row) for row in rows}
            rows += [row for row in value["add"] if _row_key(name, row) not in seen]
        elif name in OPT_OUTS:
            into.input[name] = into.input.get(name, False) or value
        else:
            into.input.setdefault(name, value)
    for column, kept in other.kept.items():
        into.kept.setdefault(column, kept)
    into.cleared = [name for name in into.cleared if name in other.cleared]
    into.notes += other.notes
    into.relations += other.relations
    into.warnings += [each for each in other.warnings if each not in into.warnings]
    into.photo = into.photo or other.photo


def _row_key(name: str, row: dict[str, Any]) -> tuple[Any, ...]:
    if name == "emails":
        return (email_key(row["address"]),)
    return tuple(row.get(part) for part in _ROWS[name])
