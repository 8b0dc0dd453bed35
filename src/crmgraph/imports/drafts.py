"""A record in the making: the values of one row, card or entry by the laws that hold for all formats."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.crm.values.countries import country_code_of_name
from crmgraph.crm.values.text import email_key, fault_of, is_blank, is_email
from crmgraph.imports import cells, dates
from crmgraph.imports.fields import BOOLEANS, FIELDS, LINES, OPT_OUTS
from crmgraph.imports.records import (
    DateOrder,
    External,
    Note,
    Options,
    Packed,
    Photo,
    Place,
    Record,
    Refusal,
    Related,
    StaffRef,
    Warned,
)

MAX_ROWS = 100
"""Telephone numbers, email addresses and postal addresses of a record, of each."""


@dataclass(slots=True)
class Link(Packed):
    """A reference that waits until all records of the set are known.

    Attributes:
        field: account, parent or reportsTo.
        column: that names it.
        external: the id at the source.
        name: what the record is called.
        given: what stood in the column.
        name_column: that has the name.
        number: of the other record, where it is known.
    """

    field: str
    kind: PartyKind
    column: str
    external: External | None = None
    name: str | None = None
    given: str | None = None
    name_column: str | None = None
    number: str | None = None


@dataclass(slots=True)
class Context:
    """What all rows of a file share."""

    options: Options
    system: str | None = None
    order: DateOrder | None = None
    decimal: str | None = None
    zone: Any = None
    spaces: dict[PartyKind, str] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """The values of one row."""

    kind: PartyKind
    at: Place
    context: Context
    input: dict[str, Any] = field(default_factory=dict)
    phones: list[dict[str, Any]] = field(default_factory=list)
    emails: list[dict[str, Any]] = field(default_factory=list)
    addresses: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    photo: Photo | None = None
    external: External | None = None
    also: list[External] = field(default_factory=list)
    kept_by: dict[str, dict[str, Any]] = field(default_factory=dict)
    match_name: bool = False
    owner: StaffRef | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    converted_at: datetime | None = None
    deleted_at: datetime | None = None
    order_at: datetime | None = None
    full_name: tuple[str, str] | None = None
    """The name in one text, and its column."""
    columns: dict[str, str] = field(default_factory=dict)
    """{field: the column it came from}."""
    skip: tuple[str, str] | None = None
    """Why the row gives no record: code and reason."""
    master: str | None = None
    is_company: bool = False
    has_values: bool = False
    """Whether anything but times and defaults was said."""
    original: bytes = b""
    cleared: list[str] = field(default_factory=list)
    """What has a column without a value."""
    facts: dict[str, Any] = field(default_factory=dict)
    relations: list[Related] = field(default_factory=list)

    def warn(
        self, code: str, column: str | None = None, value: str | None = None, reason: str | None = None, **facts: Any
    ) -> None:
        """Tell something about this row, once."""
        if not any(each.code == code and each.column == column and each.value == value for each in self.warnings):
            self.warnings.append(Warned(code, column, value, reason, facts))

    def drop(self, column: str, value: Any, reason: str) -> None:
        """Keep a value that cannot be what its column says."""
        self.kept[column] = value
        self.warn("VALUE_DROPPED", column, str(value), reason)

    def put(self, name: str, text: Any, column: str) -> None:
        """Take a value of the input by its name; what this kind of record does not have is kept."""
        self.has_values = True
        if name not in FIELDS[self.kind]:
            self.kept[column] = text
            return
        if name in ("employees", "annualRevenue"):
            self._put_number(name, text, column)
        elif name in BOOLEANS:
            self._put_boolean(name, text, column)
        elif name == "birthDate":
            self._put_birth(text, column)
        elif name == "establishedOn":
            self._put_date(name, text, column)
        elif name in ("residenceCountry", "registrationCountry"):
            self._put_country(name, text, column)
        elif fault_of(str(text), line=name not in LINES):
            self.drop(column, text, "too long")
        elif not is_blank(str(text)):
            self.input.setdefault(name, str(text))
            self.columns.setdefault(name, column)

    def _put_number(self, name: str, text: Any, column: str) -> None:
        whole = name == "employees"
        found = text if isinstance(text, Decimal) else cells.number(str(text), self.context.decimal, whole=whole)
        if found is None or (whole and not 0 <= found < 2**63):
            self.drop(column, str(text), "no number")
        else:
            self.input.setdefault(name, int(found) if whole else cells.plain(found))

    def _put_boolean(self, name: str, value: Any, column: str) -> None:
        found = cells.boolean(value)
        if found is None:
            self.drop(column, str(value), "neither yes nor no")
        elif name in OPT_OUTS:
            # Any address that is opted out is the person's wish.
            self.input[name] = self.input.get(name, False) or found
        else:
            self.input[name] = found

    def _put_birth(self, text: Any, column: str) -> None:
        day = dates.day_of(str(text), self.context.order)
        if isinstance(day, str):
            self.drop(column, str(text), day)
            return
        self.birth(day, column, str(text))

    def birth(self, day: dates.Day, column: str, text: str) -> None:
        """Take the date of birth."""
        self.has_values = True
        if day.guessed:
            self.warn("CENTURY_GUESSED", column, text)
        parts = {"day": day.day, "month": day.month, "year": None if day.year == dates.NO_YEAR else day.year}
        self.input["birthDate"] = {name: value for name, value in parts.items() if value is not None}

    def _put_date(self, name: str, text: Any, column: str) -> None:
        day = dates.day_of(str(text), self.context.order)
        if isinstance(day, str) or day.year is None or day.day is None:
            self.drop(column, str(text), day if isinstance(day, str) else "no date")
        else:
            self.input[name] = f"{day.year:04}-{day.month:02}-{day.day:02}"

    def _put_country(self, name: str, text: Any, column: str) -> None:
        code = country_code_of_name(str(text))
        if code is None:
            self.drop(column, str(text), "no country that is known")
        else:
            self.input[name] = code

    def phone(self, kind: str, raw: str, column: str, notes: str | None = None, **more: Any) -> None:
        """Add a telephone number."""
        self.has_values = True
        if not cells.is_phone(raw) or fault_of(raw):
            self.drop(column, raw, "no phone number")
            return
        if len(self.phones) >= MAX_ROWS:
            self.drop(column, raw, f"more than {MAX_ROWS} numbers")
            return
        row = {"kind": kind, "raw": raw, **more}
        if notes:
            row["notes"] = notes
        if not any(each["raw"] == raw and each["kind"] == kind for each in self.phones):
            self.phones.append(row)
            self.columns.setdefault("phone", column)

    def email(self, kind: str, text: str, column: str, **more: Any) -> None:
        """Add an email address, unless it is there."""
        self.has_values = True
        if text.casefold().startswith("/o="):
            self.drop(column, text, "an address inside Exchange (EX)")
        elif not is_email(text):
            self.drop(column, text, "no email address")
        elif len(self.emails) >= MAX_ROWS:
            self.drop(column, text, f"more than {MAX_ROWS} addresses")
        elif not any(email_key(each["address"]) == email_key(text) for each in self.emails):
            self.emails.append({"kind": kind, "address": text, **more})
            self.columns.setdefault("email", column)

    def address(self, kind: str, part: str, text: str, column: str, key: str | None = None) -> None:
        """Add a part of a postal address; lines of a street join.

        Args:
            key: what tells this address from others of its kind.
        """
        self.has_values = True
        if fault_of(text, line=part not in ("street", "notes")):
            self.drop(column, text, "too long")
            return
        if len(self.addresses) >= MAX_ROWS and (key or kind) not in self.addresses:
            self.drop(column, text, f"more than {MAX_ROWS} addresses")
            return
        row = self.addresses.setdefault(key or kind, {"kind": kind})
        if part == "street" and "street" in row:
            row["street"] += "\n" + text
        elif part not in row:
            row[part] = text
        if part == "countryName" and (code := country_code_of_name(text)) is not None:
            row["country"] = code

    def link(
        self,
        name: str,
        kind: PartyKind,
        column: str,
        *,
        value: str | None = None,
        text: str | None = None,
        given: str | None = None,
    ) -> None:
        """Name another record, by its id or by its name."""
        self.has_values = True
        found = self.links.get(name)
        if found is None:
            found = self.links[name] = Link(name, kind, column)
        if value is not None:
            found.external = External(self.context.system or "", self.context.spaces.get(kind, "id"), value)
            found.column, found.given = column, given or value
        if text is not None:
            found.name, found.name_column = text, column
            if found.external is None:
                found.column, found.given = column, given or text

    def finish(self) -> Record | Refusal:
        """The record that these values make, without its references; or why they make none."""
        refused = self._name_account() if self.kind is PartyKind.ACCOUNT else self._name_person()
        if refused is not None:
            return refused
        for name, rows in (
            ("phones", self.phones),
            ("emails", self.emails),
            ("addresses", list(self.addresses.values())),
        ):
            if rows:
                self.input[name] = {"add": rows}
        if self.owner is not None:
            self.input["owner"] = self.owner
        return Record(
            self.kind,
            self.key(),
            self.at,
            self.input,
            external=self.external,
            match_name=self.match_name,
            created_at=self.created_at,
            updated_at=self.updated_at,
            converted_at=self.converted_at,
            deleted_at=self.deleted_at,
            notes=self.notes,
            photo=self.photo,
            kept=self.kept,
            warnings=self.warnings,
            also=self.also,
            kept_by=self.kept_by,
            relations=self.relations,
            cleared=[name for name in self.cleared if name not in self.input and name not in self.links],
        )

    def key(self) -> str:
        """By which other records of the set name this one."""
        if self.external is not None:
            return key_of(self.kind, self.external.system, self.external.value)
        return f"{self.kind.lower()}:{self.at}"

    def _name_account(self) -> Refusal | None:
        if "name" not in self.input and self.full_name is not None:
            self.input["name"] = self.full_name[0]
        if "name" in self.input:
            return None
        column = self.facts.get("name_column") or "name"
        return Refusal(self.at, "REQUIRED", f"{column} is empty", ("name",), original=self.original)

    def _name_person(self) -> Refusal | None:
        values = self.input
        if "lastName" in values:
            return None
        first = values.get("firstName")
        full, column = self.full_name or (None, "")
        if full and (not first or full != first):
            before, last, told = cells.split_name(full)
            values["lastName"] = last
            if before:
                values["firstName"] = before
            else:
                values.pop("firstName", None)
                self.warn("NAME_MOVED", column, full)
            if told:
                self.warn("NAME_SPLIT", column, full)
        elif first:
            values["lastName"] = values.pop("firstName")
            self.warn("NAME_MOVED", self.columns.get("firstName"), first)
        elif self._is_organization():
            self._become_account()
        elif self.emails and self.context.options.nameless == "address":
            values["lastName"] = self.emails[0]["address"]
            self.warn("NAME_FROM_EMAIL", self.facts.get("name_column"))
        elif self.phones and self.context.options.nameless == "address":
            values["lastName"] = self.phones[0]["raw"]
            self.warn("NAME_FROM_PHONE", self.facts.get("name_column"))
        else:
            reason = "there is neither a name, an email address nor a phone"
            return Refusal(self.at, "REQUIRED", reason, ("lastName",), original=self.original)
        return None

    def _is_organization(self) -> bool:
        return self.external is None and self.kind is PartyKind.CONTACT and "account" in self.links

    def _become_account(self) -> None:
        self.kind = PartyKind.ACCOUNT
        link = self.links.pop("account")
        values, self.input = self.input, {"name": link.name}
        for name, value in values.items():
            if name in FIELDS[PartyKind.ACCOUNT]:
                self.input[name] = value
            else:
                self.kept[self.columns.get(name, name)] = value
        website = self.facts.get("website")
        if website is not None and website in self.kept:
            self.input["website"] = self.kept.pop(website)
        self.links = {}


def key_of(kind: PartyKind, system: str, value: str) -> str:
    """The key of a record with an id at its source."""
    return f"{kind.lower()}:{system.lower()}:{value}"
