"""Records as JSContact (RFC 9553)."""

from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.dumps import Dumped
from crmgraph.exports.cards import uid_of

_FEATURES = {"MOBILE": "mobile", "FAX": "fax"}
_PARTS = {
    "po_box": "postOfficeBox",
    "apartment": "apartment",
    "street": "name",
    "street_number": "number",
    "city": "locality",
    "state": "region",
    "postal_code": "postcode",
    "country_name": "country",
}


def card_of(dumped: Dumped) -> dict[str, Any]:
    """The card of a record."""
    record: Any = dumped.aggregate.record
    is_company = dumped.aggregate.kind is PartyKind.ACCOUNT
    card: dict[str, Any] = {
        "@type": "Card",
        "version": "1.0",
        "uid": uid_of(dumped),
        "kind": "org" if is_company else "individual",
        "updated": f"{record.updated_at:%Y-%m-%dT%H:%M:%SZ}",
        "name": {"full": record.name or ""} if is_company else _name(record),
    }
    company = dumped.names.get("account") or getattr(record, "company", None)
    if company and not is_company:
        department = getattr(record, "department", None)
        card["organizations"] = {"o": {"name": company, **({"units": [{"name": department}]} if department else {})}}
    if title := getattr(record, "job_title", None):
        card["titles"] = {"t": {"name": title, "kind": "title"}}
    if nickname := getattr(record, "nickname", None):
        card["nicknames"] = {"n": {"name": nickname}}
    if (language := getattr(record, "language", None)) and not is_company:
        card["preferredLanguages"] = {"l": {"language": language}}
    if website := getattr(record, "website", None):
        card["links"] = {"w": {"uri": website}}
    if record.description:
        card["notes"] = {"n": {"note": record.description}}
    if birth := _birth(record):
        card["anniversaries"] = {"b": {"@type": "Anniversary", "kind": "birth", "date": birth}}
    _lists(card, dumped)
    return card


def _name(record: Any) -> dict[str, Any]:
    parts = (
        ("title", record.salutation),
        ("given", record.first_name),
        ("given2", record.middle_name),
        ("surname", record.last_name),
    )
    full = " ".join(name for name in (record.first_name, record.middle_name, record.last_name) if name)
    return {"full": full, "components": [{"kind": kind, "value": value} for kind, value in parts if value]}


def _birth(record: Any) -> dict[str, Any] | None:
    found = {part: getattr(record, f"birth_{part}", None) for part in ("year", "month", "day")}
    told = {part: value for part, value in found.items() if value is not None}
    return {"@type": "PartialDate", **told} if told else None


def _lists(card: dict[str, Any], dumped: Dumped) -> None:
    phones = {}
    for n, phone in enumerate(dumped.aggregate.phones, start=1):
        kind = phone.kind.value
        row: dict[str, Any] = {"number": phone.raw, "pref": n}
        if kind in _FEATURES:
            row["features"] = {_FEATURES[kind]: True}
        elif kind in ("LANDLINE", "HOME"):
            row["contexts"] = {"work" if kind == "LANDLINE" else "private": True}
        else:
            row["label"] = phone.notes or kind.title()
        phones[f"p{n}"] = row
    emails = {
        f"e{n}": {
            "address": email.address,
            "pref": n,
            "contexts": {"private" if email.kind.value == "PERSONAL" else "work": True},
        }
        for n, email in enumerate(dumped.aggregate.emails, start=1)
    }
    addresses = {}
    for n, each in enumerate(dumped.aggregate.addresses, start=1):
        components = [{"kind": kind, "value": value} for name, kind in _PARTS.items() if (value := getattr(each, name))]
        addresses[f"a{n}"] = {
            "components": components,
            "contexts": {"private" if each.kind.value == "HOME" else "work": True},
        }
    card |= {name: rows for name, rows in (("phones", phones), ("emails", emails), ("addresses", addresses)) if rows}
