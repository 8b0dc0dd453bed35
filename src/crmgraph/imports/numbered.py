"""Columns that come in numbered groups, as `Phone 1 - Label` and `Phone 1 - Value` of Google's address book."""

import re
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.imports import cells
from crmgraph.imports.drafts import Draft
from crmgraph.imports.labels import address_kind, bare, email_kind, phone_kind

_HEADER = re.compile(r"(.+?) (\d+) - (.+)")
_PARTS = {
    "street": "street",
    "extended address": "street",
    "city": "city",
    "region": "state",
    "postal code": "postalCode",
    "country": "countryName",
    "po box": "poBox",
}
_SEVERAL = " ::: "

Groups = dict[tuple[str, int], dict[str, tuple[str, str]]]


def group_of(header: str) -> tuple[str, int, str] | None:
    """What a numbered header names: the group, its number, and the part of it."""
    match = _HEADER.fullmatch(header)
    return (match[1].casefold(), int(match[2]), match[3].casefold()) if match else None


def put(draft: Draft, groups: Groups) -> None:
    """Take the values of all groups of a row: {(group, number): {part: (column, text)}}."""
    for (name, number), parts in sorted(groups.items(), key=lambda each: each[0][1]):
        label = (parts.get("label") or parts.get("type") or ("", ""))[1]
        column, value = parts.get("value", ("", ""))
        match name:
            case "e-mail" | "email":
                for each in value.split(_SEVERAL):
                    if each.strip():
                        draft.email(email_kind(label), each.strip(), column)
            case "phone":
                kind, notes = phone_kind(label)
                for each in cells.phones(value):
                    draft.phone(kind, each, column, notes)
            case "address":
                _address(draft, number, label, parts)
            case "organization":
                _organization(draft, parts)
            case "website":
                _website(draft, column, value)
            case _:
                _keep(draft, name, number, label, parts)


def _address(draft: Draft, number: int, label: str, parts: dict[str, tuple[str, str]]) -> None:
    kind, key = address_kind(label), f"address {number}"
    known: dict[str, Any] = {part: each for part, each in parts.items() if part in _PARTS and each[1]}
    if not known and "formatted" in parts:
        column, text = parts["formatted"]
        draft.address(kind, "street", text, column, key)
    for part in _PARTS:
        if part in known:
            column, text = known[part]
            draft.address(kind, _PARTS[part], text, column, key)


def _organization(draft: Draft, parts: dict[str, tuple[str, str]]) -> None:
    for part, (column, text) in parts.items():
        match part:
            case "name":
                draft.link("account", PartyKind.ACCOUNT, column, text=text)
            case "title":
                draft.put("jobTitle", text, column)
            case "department":
                draft.put("department", text, column)
            case "type":
                continue
            case _:
                draft.kept[column] = text


def _website(draft: Draft, column: str, value: str) -> None:
    text = value.replace("\\:", ":").split(_SEVERAL)[0].strip()
    if text:
        draft.has_values = True
        draft.kept[column] = text
        draft.facts.setdefault("website", column)


def _keep(draft: Draft, name: str, number: int, label: str, parts: dict[str, tuple[str, str]]) -> None:
    for part, (column, text) in parts.items():
        if part in ("label", "type") and "value" in parts:
            continue
        draft.has_values = True
        title = f"{name.title()} {number} ({bare(label)})" if part == "value" and label else column
        draft.kept[title] = text
