"""Signup: an account, its primary contact and a sales order, in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import unquote

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid, Path, Refused, refuse
from crmgraph.crm.identity.known_sources import Source
from crmgraph.crm.identity.throttle import Kind, account_of
from crmgraph.crm.models import AccountKind, Door
from crmgraph.crm.records import orders, registration
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.orders import Order
from crmgraph.crm.records.rules import MAX_DEPTH
from crmgraph.crm.values.text import is_blank
from crmgraph.dialects.covalense.changed_fields import words
from crmgraph.dialects.covalense.errors import bad_request, invalid, missing, missing_header, naming
from crmgraph.dialects.covalense.places import DIALECT
from crmgraph.dialects.covalense.requests import NO_TEXT, Attributes, Call, has_body, parsed
from crmgraph.dialects.covalense.signup_fields import ACCOUNT_SIGNING_UP, OWNER_SIGNING_UP, PERSON_SIGNING_UP
from crmgraph.mapping import Decoded, decode, decode_all, loosely
from crmgraph.rest import RequestError
from crmgraph.security import Passwords

_SECRETS = {"password", "passwordold", "token", "accesstoken", "securityanswer", "securityquestions"}
_DOCUMENTS = {"docidnumbermsgid", "docidtypeequiptype"}


async def sign_up(call: Call) -> dict[str, Any]:
    """POST signup: the registration is the body."""
    return await _register(call, await call.attributes())


async def sign_up_by_kyc(call: Call) -> dict[str, Any]:
    """POST signup/kyc: the registration is the JSON in the header `Data`, or in what of that name the address or the
    body brings. In the body it may be an object as well."""
    try:
        # Headers arrive as Latin-1, whatever their bytes are; clients mean UTF-8.
        data = call.request.headers.get("data", "").encode("latin-1").decode()
    except UnicodeError:
        raise RequestError(bad_request(NO_TEXT)) from None
    data = data or call.query.get("Data") or ""
    if not data and has_body(call.request):
        try:
            given = (await call.attributes()).value("Data")
        except RequestError:  # what cannot be read has no Data
            given = None
        if given is None:
            raise RequestError(missing_header("Data"))
        if isinstance(given, dict):
            return await _register(call, Attributes(given))
        if not isinstance(given, str):
            raise RequestError(invalid("Data", "it has to be an object"))
        return await _register(call, Attributes(parsed(given.encode())))
    # Headers hold no more than ASCII for certain, so that some clients write all of it as %XX.
    try:
        text = data if data.lstrip().startswith("{") else unquote(data, errors="strict")
    except UnicodeError:
        raise RequestError(bad_request(NO_TEXT)) from None
    return await _register(call, Attributes(parsed(text.encode())))


@dataclass(slots=True)
class _Signup:
    """A registration in our words."""

    person: Edit
    account: Edit
    order: Order
    email: str | None
    password: str | None
    assigned: Any
    name_of: Callable[[Path], str | None]


async def _register(call: Call, attributes: Attributes) -> dict[str, Any]:
    given = await _read(attributes, call.core.passwords)
    identity = call.core.identity
    whom = account_of(given.email) if given.email else ""
    tried = await identity.throttle.reserve(Kind.SIGNUP, whom, Source(call.address))
    # Hashed for a known email too: neither the answer nor the time tells who is known.
    password_hash = await call.core.passwords.hash(given.password) if given.password else None

    async def work(session: AsyncSession) -> tuple[str, Callable[[], None] | None]:
        owner = await _owner(session, given.assigned)
        owned = {} if owner is None else {"owner_id": owner}
        person, firm = (replace(edit, values=edit.values | owned) for edit in (given.person, given.account))
        with naming(given.name_of):
            contact, account = await registration.register(
                session, Door.COVALENSE, person, firm, region=call.core.region
            )
            order = await orders.place(
                session, Door.COVALENSE, given.order, account_id=cast(Aggregate, account).id, contact_id=contact.id
            )
        tell = None
        if given.email:
            tell = await identity.signups.admit(session, contact.id, given.email, password_hash)
        await identity.throttle.take_back(session, tried, emailed=tell is not None)
        return order.number, tell

    number, tell = await call.core.db.transact(work)
    if tell is not None:
        tell()
    return {"salesOrder": {"salesorder_no": number}}


async def _read(attributes: Attributes, passwords: Passwords) -> _Signup:
    """The registration.

    Raises:
        RequestError: what is missing or wrong in it; `Platform` before all else.
    """
    person, address = Attributes(attributes.object("AcctInfo")), Attributes(attributes.object("AddressInfo"))
    if is_blank(person.text("Platform") or ""):
        raise RequestError(missing("Platform"))
    merged = {**person.body, **address.body}
    contact = decode(PERSON_SIGNING_UP, merged)
    account = decode(ACCOUNT_SIGNING_UP, merged)
    _complete(contact.edit, account.edit)
    order = Order(
        attributes.text("OrderType"),
        attributes.text("OrderId"),
        _details(attributes, person, address),
    )
    password = attributes.text("Password")
    found = _Signup(
        person=contact.edit,
        account=account.edit,
        order=order,
        email=person.text("EmailAddress"),
        password=password,
        assigned=person.value("AssignedUserId"),
        name_of=_names(contact, account, attributes),
    )
    faults: list[Refused] = [*contact.faults, *account.faults]
    faults += registration.faults_of(found.person, found.account)
    faults += orders.faults_of(order)
    if password is not None:
        own = [found.email or "", *registration.names_of(found.person, found.account)]
        if fault := await passwords.fault(password, own):
            faults.append(Invalid(("password",), *fault))
    with naming(found.name_of):
        refuse(faults)
    return found


def _complete(person: Edit, account: Edit) -> None:
    """What follows from the rest: an account of nobody's company is the person's own."""
    company = account.values.get("name")
    account.values["kind"] = AccountKind.BUSINESS if company else AccountKind.INDIVIDUAL
    if not company:
        names = [person.values.get(name) for name in ("first_name", "last_name")]
        account.values["name"] = " ".join(name for name in names if name)
    for edit in (person, account):
        edit.extra_fields.setdefault(DIALECT, {})["source"] = "WEBSERVICE"


def _details(attributes: Attributes, person: Attributes, address: Attributes) -> dict[str, Any]:
    """What of the registration no record has a column for, as it came and without secrets."""
    left: dict[str, Any] = {}
    for name, value in attributes.body.items():
        match loosely(name):
            case "acctinfo":
                value = _unknown(person.body)
            case "addressinfo":
                value = _unknown(address.body)
            case "ordertype" | "orderid":
                continue
        if (kept := _without_secrets({name: value})) and kept[name] not in ({}, None):
            left |= kept
    return left


def _unknown(body: dict[str, Any]) -> dict[str, Any]:
    known = [PERSON_SIGNING_UP, ACCOUNT_SIGNING_UP]
    return {name: value for name, value in body.items() if all(fields.field(name) is None for fields in known)}


def _without_secrets(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        return value  # which is refused for its depth
    if isinstance(value, dict):
        return {k: _without_secrets(v, depth + 1) for k, v in value.items() if loosely(k) not in _SECRETS | _DOCUMENTS}
    if isinstance(value, list):
        return [_without_secrets(v, depth + 1) for v in value]
    return value


def _names(contact: Decoded, account: Decoded, attributes: Attributes) -> Callable[[Path], str | None]:
    of_contact, of_account = words(PERSON_SIGNING_UP, contact), words(ACCOUNT_SIGNING_UP, account)
    # Too much of an order is too many of its lines.
    others = {"order_type": "OrderType", "reference": "OrderId", "password": "Password", orders.DETAILS: "LineItems"}

    def name_of(path: Path) -> str | None:
        if path[:1] == (registration.ACCOUNT,):
            return of_account(path[1:])
        if len(path) == 1 and path[0] in others:
            return attributes.written(others[str(path[0])])
        return of_contact(path)

    return name_of


async def _owner(session: AsyncSession, assigned: Any) -> int | None:
    """Who of the staff is named to own the records; None for nobody, and for somebody we do not know."""
    (decoded,) = await decode_all(session, OWNER_SIGNING_UP, [({"AssignedUserId": assigned}, None)])
    return decoded.edit.values.get("owner_id")
