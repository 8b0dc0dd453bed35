"""What is done with the cell of a column, by the first word of its target; `formats/model.py` has the list."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from crmgraph.crm.models import PartyKind
from crmgraph.imports import cells, dates
from crmgraph.imports.drafts import Draft
from crmgraph.imports.formats.model import header_key
from crmgraph.imports.records import External

if TYPE_CHECKING:
    from crmgraph.imports.columns import Columns

Handler = Callable[["Columns", Draft, str, str, Sequence[str]], None]
"""Of the columns of the table, the record in the making, the header, the text and the words of the target."""
REFERENCES = {
    "account": PartyKind.ACCOUNT,
    "parent": PartyKind.ACCOUNT,
    "reportsTo": PartyKind.CONTACT,
    "primaryContact": PartyKind.CONTACT,
}


def put(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    """Take a value of the input by its name."""
    draft.put(words[0], text, column)


def _keep(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.has_values = True
    if len(words) > 1 and words[1] == "json":
        draft.kept[column] = _json_or(text)
    elif len(words) > 1:
        parts = cells.texts(text, words[1])
        draft.kept[column] = parts if len(parts) > 1 or words[-1] == "always" else text
    else:
        draft.kept[column] = text


def _json_or(text: str) -> Any:
    """A list or an object of JSON; the text where it is none."""
    if text[0] not in "[{":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _website(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.put("website", text, column)
    draft.facts.setdefault("website", column)


def _flag(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    if cells.boolean(text) is not False:
        draft.kept[column] = text


def _drop(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    pass


def _name(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.has_values = True
    if draft.kind is PartyKind.ACCOUNT:
        draft.put("name", text, column)
    else:
        draft.full_name = (text, column)


def _phone(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    digits = cells.whole_digits(text)
    if digits == "":
        draft.drop(column, text, "a spreadsheet has lost digits of it")
        return
    if digits is not None:
        draft.warn("NUMBER_CELL", column, digits)
        text = digits
    for raw in cells.phones(text):
        draft.phone(words[1], raw, column, " ".join(words[2:]) or None)


def _email(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    for each in cells.emails(text):
        draft.email(words[1], each, column)


def _address(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.address(words[1], words[2], text, column)


def _id(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    digits = cells.whole_digits(text)
    if digits is not None:
        draft.warn("ID_LOST", column, text)
        return
    if columns.format.system or columns.context.system:
        draft.external = External(
            columns.context.system or columns.format.system or "", columns.layout.space, columns.id_of(text)
        )


def _number(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.put("number", text, column)
    if len(words) > 1 and draft.external is None:
        draft.external = External(columns.format.system or "", columns.layout.space, text)


def _reference(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    name, _, by = words[0].partition(".")
    kind = REFERENCES[name]
    if name == "reportsTo" and draft.kind is not PartyKind.CONTACT:
        draft.kept[column] = text
    elif by:
        draft.link(name, kind, column, value=columns.id_of(text), given=text)
    else:
        draft.link(name, kind, column, text=text)


def _owner(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.facts[words[0]] = columns.id_of(text) if words[0] == "owner.id" else text
    if words[0] == "owner.id" or "owner_column" not in draft.facts:
        draft.facts["owner_column"] = column


def _created(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.created_at = columns.time(draft, column, text)


def _updated(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.updated_at = columns.time(draft, column, text)


def _order(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    found = dates.time_of(text, columns.context.order, None)
    draft.order_at = found[0] if found else None
    draft.kept[column] = text


def _deleted(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    if cells.boolean(text):
        draft.skip = ("DELETED", f"{column} is {text}")


def _master(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.master = columns.id_of(text)


def _converted(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    if words[0] == "converted.to":
        if draft.skip is not None:
            draft.skip = ("CONVERTED", f"the lead has become contact {columns.id_of(text)}")
    elif cells.boolean(text):
        draft.skip = ("CONVERTED", "the lead has been converted")


def _choice(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    known = next((each for name, each in columns.layout.choices.items() if header_key(name) == header_key(column)), {})
    chosen = known.get(text.casefold())
    if chosen is None:
        draft.kept[column] = text
        return
    draft.has_values = True
    for name, value in chosen.items():
        draft.put(name, value, column)


def _private(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.kept[column] = text
    draft.warn("PRIVATE", column)


def _fact(columns: "Columns", draft: Draft, column: str, text: str, words: Sequence[str]) -> None:
    draft.facts[words[0]] = columns.id_of(text) if words[0] == "user.id" else text
    draft.has_values = True


TARGETS: dict[str, Handler] = {
    word: handler
    for words, handler in (
        ("keep", _keep),
        ("flag", _flag),
        ("website", _website),
        ("drop", _drop),
        ("name", _name),
        ("phone", _phone),
        ("email", _email),
        ("address", _address),
        ("id", _id),
        ("number", _number),
        ("account account.id parent.id parent reportsTo reportsTo.id", _reference),
        ("owner owner.id", _owner),
        ("created", _created),
        ("updated", _updated),
        ("order", _order),
        ("deleted", _deleted),
        ("master", _master),
        ("converted converted.to", _converted),
        ("choice", _choice),
        ("private", _private),
        ("title content parent_record parent_kind user.id user.first user.last user.name user.email", _fact),
    )
    for word in words.split()
}
"""{first word of a target: what is done with the column}."""
