"""The rows of synthetic records, settled by their place in the series alone."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from crmgraph.crm.models import (
    Account,
    AccountKind,
    Action,
    Address,
    AddressKind,
    Approval,
    Change,
    Contact,
    Door,
    Email,
    EmailKind,
    Lead,
    Party,
    PartyKind,
    Phone,
    PhoneKind,
)
from crmgraph.crm.records.keys import keys_of
from crmgraph.crm.records.slots import FIRST, SECOND
from crmgraph.crm.values.folding import fold
from crmgraph.seed.vocabulary import (
    COMPANY,
    DEPARTMENTS,
    DIGITS,
    FAMILY,
    FORM,
    GIVEN,
    INDUSTRIES,
    JOBS,
    PLACES,
    SOURCES,
    STATUSES,
    TRADE,
    Place,
)

_SLOTS = (FIRST, SECOND)
_ACCOUNTS_OWN = frozenset({AddressKind.BILLING, AddressKind.SHIPPING})
_START = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)


@dataclass(slots=True)
class Chunk:
    """Rows for each table, in the order in which they can be written."""

    rows: dict[Any, list[dict[str, Any]]] = field(
        default_factory=lambda: {m: [] for m in (Party, Account, Contact, Lead, Phone, Email, Address, Change)}
    )


class People:
    """Makes the rows of one kind, from a random number that the record's place in the series settles."""

    def __init__(self, ids: Iterator[int], rows: dict[str, Iterator[int]]) -> None:
        self.ids = ids
        self.rows = rows
        self._record_row: dict[str, Any] = {}

    def account(self, chunk: Chunk, number: str, index: int) -> tuple[int, str]:
        """An account: its id, and the key of its name."""
        dice = random.Random(f"account {index}")
        name = f"{dice.choice(COMPANY)} {dice.choice(TRADE)} {index} {dice.choice(FORM)}"
        place = dice.choice(PLACES)
        own = self._record(
            chunk,
            Account,
            PartyKind.ACCOUNT,
            number,
            dice,
            name=name,
            kind=AccountKind.BUSINESS,
            industry=dice.choice(INDUSTRIES),
            website=f"https://company{index}.example",
            employees=dice.randrange(1, 5000),
            annual_revenue=Decimal(dice.randrange(10_000, 90_000_000)),
        )
        key = fold(name)
        self._address(chunk, own, AddressKind.BILLING, 0, place, dice, key)
        if index % 2:
            self._address(chunk, own, AddressKind.SHIPPING, 1, place, dice, key)
        self._phone(chunk, own, PhoneKind.LANDLINE, 0, place.landline, place, dice)
        self._email(chunk, own, EmailKind.BUSINESS, 0, f"office@company{index}.example")
        return own, key

    def contact(self, chunk: Chunk, number: str, index: int, account_id: int | None, account_name_key: str) -> int:
        dice = random.Random(f"contact {index}")
        first, last, place = dice.choice(GIVEN), dice.choice(FAMILY), dice.choice(PLACES)
        middle = dice.choice(GIVEN) if index % 7 == 0 else None
        job = dice.choice(JOBS)
        own = self._record(
            chunk,
            Contact,
            PartyKind.CONTACT,
            number,
            dice,
            first_name=first,
            middle_name=middle,
            last_name=last,
            job_title=job,
            department=dice.choice(DEPARTMENTS),
            language=place.language,
            birth_day=dice.randrange(1, 29),
            birth_month=dice.randrange(1, 13),
            birth_year=dice.randrange(1945, 2005),
            account_id=account_id,
            account_name_key=account_name_key,
        )
        key = fold(last)
        self._address(chunk, own, AddressKind.HOME, 0, place, dice, key)
        if index % 2:
            self._address(chunk, own, AddressKind.OTHER, 1, dice.choice(PLACES), dice, key)
        self._phone(chunk, own, PhoneKind.MOBILE, 0, place.mobile, place, dice)
        self._phone(chunk, own, PhoneKind.LANDLINE, 1, place.landline, place, dice)
        self._email(chunk, own, EmailKind.BUSINESS, 0, f"contact{index}@company.example")
        self._email(chunk, own, EmailKind.PERSONAL, 1, f"person{index}@mail.example")
        return own

    def lead(self, chunk: Chunk, number: str, index: int) -> int:
        dice = random.Random(f"lead {index}")
        last, place = dice.choice(FAMILY), dice.choice(PLACES)
        first, company = dice.choice(GIVEN), f"{dice.choice(COMPANY)} {dice.choice(TRADE)}"
        job = dice.choice(JOBS)
        own = self._record(
            chunk,
            Lead,
            PartyKind.LEAD,
            number,
            dice,
            first_name=first,
            last_name=last,
            company=company,
            job_title=job,
            status=dice.choice(STATUSES),
            source=dice.choice(SOURCES),
            industry=dice.choice(INDUSTRIES),
            employees=dice.randrange(1, 5000),
            annual_revenue=Decimal(dice.randrange(10_000, 90_000_000)),
            approval=Approval.APPROVED,
        )
        self._address(chunk, own, AddressKind.BUSINESS, 0, place, dice, fold(last))
        self._phone(chunk, own, PhoneKind.MOBILE, 0, place.mobile, place, dice)
        self._email(chunk, own, EmailKind.BUSINESS, 0, f"lead{index}@prospect.example")
        return own

    def _record(
        self, chunk: Chunk, model: Any, party: PartyKind, number: str, dice: random.Random, **values: Any
    ) -> int:
        own = next(self.ids)
        at = _START + dt.timedelta(seconds=dice.randrange(0, 7 * 365 * 86400), microseconds=dice.randrange(10**6))
        chunk.rows[Party].append({"id": own, "kind": party})
        values |= {"id": own, "number": number, "created_at": at, "updated_at": at}
        self._record_row = values | keys_of(model, values)
        chunk.rows[model].append(self._record_row)
        chunk.rows[Change].append(
            {
                "id": next(self.rows["change"]),
                "party_id": own,
                "kind": party,
                "action": Action.CREATED,
                "revision": 1,
                "at": at,
                "door": Door.IMPORT,
            }
        )
        return own

    def _address(
        self, chunk: Chunk, own: int, kind: AddressKind, rank: int, place: Place, dice: random.Random, key: str
    ) -> None:
        if rank == 0:
            self._record_row["city_key"] = fold(place.city)
        chunk.rows[Address].append(
            {
                "id": next(self.rows["address"]),
                "party_id": own,
                "rank": rank,
                "slot": kind if kind in _ACCOUNTS_OWN else _SLOTS[rank],
                "kind": kind,
                "street": place.street,
                "street_number": str(dice.randrange(1, 200)),
                "postal_code": place.postal,
                "postal_code_key": fold(place.postal),
                "city": place.city,
                "city_key": fold(place.city),
                "country": place.country,
                "country_name": place.country_name,
                "name_key": key,
            }
        )

    def _phone(
        self, chunk: Chunk, own: int, kind: PhoneKind, rank: int, pattern: str, place: Place, dice: random.Random
    ) -> None:
        raw = pattern.format(dice.randrange(10 ** DIGITS.get(pattern, 7)))
        digits = "".join(c for c in raw if c.isdigit())
        if rank == 0:
            self._record_row["phone_key"] = digits
        chunk.rows[Phone].append(
            {
                "id": next(self.rows["phone"]),
                "party_id": own,
                "rank": rank,
                "slot": kind,
                "kind": kind,
                "raw": raw,
                "e164": f"+{digits}",
                "digits": digits,
                "valid": True,
            }
        )

    def _email(self, chunk: Chunk, own: int, kind: EmailKind, rank: int, address: str) -> None:
        if rank == 0:
            self._record_row["email_key"] = address
        chunk.rows[Email].append(
            {
                "id": next(self.rows["email"]),
                "party_id": own,
                "rank": rank,
                "slot": _SLOTS[rank],
                "kind": kind,
                "address": address,
                "address_key": address,
            }
        )
