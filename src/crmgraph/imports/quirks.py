"""What a single source does with its columns: by the words of `formats`, so that a format only names them."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from crmgraph.crm.models import PartyKind
from crmgraph.imports import cells
from crmgraph.imports.drafts import Draft
from crmgraph.imports.records import External
from crmgraph.imports.targets import REFERENCES, Handler

if TYPE_CHECKING:
    from crmgraph.imports.columns import Columns

_ESPO_PHONES = {"Office": "LANDLINE", "Mobile": "MOBILE", "Home": "HOME", "Fax": "FAX"}
_SYSTEM_GROUPS = frozenset({"* mycontacts", "* my contacts"})
_OTHERS = frozenset({"* other contacts", "* othercontacts"})


def _module_reference(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    """vtiger: `Accounts::::Acme`, of which the first `::::` parts the module from the name."""
    field, module = words[1], words[2]
    found, separator, name = text.partition("::::")
    if not separator:
        found, name = module, text
    if found == module:
        draft.link(field, REFERENCES[field], column, text=name, given=text)
    else:
        draft.has_values = True
        draft.kept[column] = text
        draft.warn("REFERENCE_FOREIGN", column, text)


def _list_of(draft: Draft, column: str, text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        draft.drop(column, text, "no JSON")
        return []
    rows = [each for each in found if isinstance(each, dict)]
    return sorted(rows, key=lambda each: not each.get("primary"))


def _espo_emails(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    for each in _list_of(draft, column, text):
        more = {"active": False} if each.get("invalid") else {}
        draft.email("BUSINESS", str(each.get("emailAddress", "")), column, **more)
        if each.get("optOut"):
            draft.put("emailOptOut", True, column)


def _espo_phones(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    for each in _list_of(draft, column, text):
        more: dict[str, Any] = {"active": False} if each.get("invalid") else {}
        kind = _ESPO_PHONES.get(str(each.get("type")), "OTHER")
        draft.phone(kind, str(each.get("phoneNumber", "")), column, **more)


def _espo_phone(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    """The primary number, which `phoneNumberData` has too, with its kind."""
    if not any(each["raw"] == text for each in draft.phones):
        draft.phone("LANDLINE", text, column)


def _fact(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.has_values = True
    draft.facts[words[0]] = (column, text)


def _companies(columns: "Columns", draft: Draft) -> None:
    """HubSpot: a contact has several companies; the primary one is told by its id, the names are in the same order."""
    ids_column, ids_text = draft.facts.get("companies.ids", ("", ""))
    names_column, names_text = draft.facts.get("companies.names", ("", ""))
    ids, names = cells.texts(ids_text, ";"), cells.texts(names_text, ";")
    link = draft.links.get("account")
    if link is None and len(ids) == 1:
        draft.link("account", PartyKind.ACCOUNT, ids_column, value=ids[0])
    elif link is None and len(names) == 1 and not ids:
        draft.link("account", PartyKind.ACCOUNT, names_column, text=names[0])
    link = draft.links.get("account")
    if link is not None and link.external is not None and link.external.value in ids and len(ids) == len(names):
        draft.link("account", PartyKind.ACCOUNT, names_column, text=names[ids.index(link.external.value)])
    if len(ids) > 1:
        draft.kept[ids_column] = ids
    if len(names) > 1 and names_text:
        draft.kept[names_column] = names_text


def _profile(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    """LinkedIn: the last part of the address of a profile is its id."""
    draft.has_values = True
    draft.kept[column] = text
    name = unquote(text.partition("?")[0].rstrip("/").rpartition("/")[2])
    if name:
        draft.external = External(columns.format.system or "", columns.layout.space, name)


def _groups(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    """Google: labels, of which those of the system say nothing."""
    found = [each.strip() for each in text.split(":::") if each.strip()]
    if found and all(each.casefold() in _OTHERS for each in found):
        draft.skip = ("OTHER_CONTACT", 'in "Other Contacts" alone: kept by Google because somebody once wrote to it')
    own = [each for each in found if each.casefold() not in _SYSTEM_GROUPS]
    if own:
        draft.kept["Labels"] = own


def _photo_address(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.warn("PHOTO_DROPPED", column, reason="an address that nobody here can fetch")


def _account_number(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    """Valomnia: what people call the customer by, beside its id and its name."""
    if (link := draft.links.get("account")) is not None:
        link.number = text


def _dynamics_status(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    if text.casefold() != "active":
        draft.kept[column] = text
        draft.warn("INACTIVE", column, text)


QUIRKS: dict[str, Handler] = {
    "module_reference": _module_reference,
    "espo_emails": _espo_emails,
    "espo_phones": _espo_phones,
    "espo_phone": _espo_phone,
    "companies.ids": _fact,
    "companies.names": _fact,
    "profile": _profile,
    "groups": _groups,
    "photo_address": _photo_address,
    "account_number": _account_number,
    "dynamics_status": _dynamics_status,
}
"""{word of a target: what is done with the column}."""
ENDS: dict[str, Callable[["Columns", Draft], None]] = {"companies": _companies}
"""{word of `Format.ends`: what is done with the row as a whole}."""
