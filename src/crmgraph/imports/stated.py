"""What somebody states about the files of an import, checked and kept as JSON: of the graph, as of the command line."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from phonenumbers import SUPPORTED_REGIONS

from crmgraph.crm.errors import Invalid, Path, Refused, TooLarge
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.entity_resolution import MatchBy
from crmgraph.crm.values.text import fault_of, is_email
from crmgraph.imports.formats import FORMATS
from crmgraph.imports.maps import is_target
from crmgraph.imports.owners import MAX_USERS
from crmgraph.imports.recognition import zone_of
from crmgraph.imports.records import Options
from crmgraph.imports.tables import MAX_CELLS

FORMAT_WORDS = frozenset({each.word for each in FORMATS} | {"table", "vcard", "ldif", "crmcom", "valomnia"})
"""What a source may be said to be; what is no table is known by its first bytes all the same."""
MAX_TEXT = 500
"""Characters of a stated text: the header of a column, the name of a user."""
_NAMES = frozenset(each.name for each in fields(Options))
_DEFAULT = Options()


def faults_of(stated: Mapping[str, Any]) -> list[Refused]:
    """What is wrong with options.

    Args:
        stated: those of `Options`, by their names there.
    """
    found: list[Refused] = []
    for name, value in stated.items():
        if isinstance(value, str):
            found += _faults_of_text((name,), value)
    stated = {name: value for name, value in stated.items() if (name,) not in {each.path for each in found}}
    if (word := stated.get("format")) is not None and word not in FORMAT_WORDS:
        found.append(Invalid(("format",), "choice", choices=sorted(FORMAT_WORDS)))
    if (encoding := stated.get("encoding")) is not None and not _is_encoding(encoding):
        found.append(Invalid(("encoding",), "unknown"))
    if (delimiter := stated.get("delimiter")) is not None and len(delimiter) != 1:
        found.append(Invalid(("delimiter",), "form"))
    if (region := stated.get("region")) is not None and region not in SUPPORTED_REGIONS:
        found.append(Invalid(("region",), "country"))
    if (owner := stated.get("owner")) is not None:
        found += _faults_of_email(("owner",), owner)
    if (decimal := stated.get("decimal")) is not None and decimal not in (",", "."):
        found.append(Invalid(("decimal",), "choice", choices=(",", ".")))
    try:
        zone_of(Options(timezone=stated.get("timezone")))
    except ValueError:
        found.append(Invalid(("timezone",), "zone"))
    columns, users = stated.get("columns", {}), stated.get("users", {})
    if len(columns) > MAX_CELLS:
        found.append(TooLarge(("columns",), MAX_CELLS))
    for n, (column, target) in enumerate(columns.items()):
        found += _faults_of_text(("columns", n, "column"), column)
        if not is_target(target):
            found.append(Invalid(("columns", n, "target"), "unknown"))
    if len(users) > MAX_USERS:
        found.append(TooLarge(("users",), MAX_USERS))
    for n, (user, email) in enumerate(users.items()):
        found += _faults_of_text(("users", n, "name"), user)
        found += _faults_of_email(("users", n, "email"), email)
    return found


def _faults_of_email(path: Path, email: str) -> Iterator[Refused]:
    if faults := list(_faults_of_text(path, email)):
        yield from faults
    elif not is_email(email):
        yield Invalid(path, "email")


def _faults_of_text(path: Path, text: str) -> Iterator[Refused]:
    """Why a text cannot be stored: what is stated is kept as JSON. Headers may have several lines."""
    if len(text) > MAX_TEXT:
        yield Invalid(path, "too_long", MAX_TEXT)
    elif fault := fault_of(text, line=False):
        yield Invalid(path, *fault)


def with_defaults(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Options with what holds where nothing is stated in place of None."""
    return {name: getattr(_DEFAULT, name, None) if value is None else value for name, value in stated.items()}


def options_of(stored: Mapping[str, Any]) -> Options:
    """The options of an import, as they are stored."""
    given = {name: value for name, value in stored.items() if name in _NAMES}
    if given.get("kind") is not None:
        given["kind"] = PartyKind(given["kind"])
    return Options(**given)


def match_by(stored: Mapping[str, Any]) -> tuple[MatchBy, ...]:
    """By what records are known besides the ids of the source, in this order."""
    words = str(stored["match"] if stored.get("match") is not None else "email").split(",")
    return tuple(MatchBy(word) for word in words if word not in ("", "id"))


def _is_encoding(name: str) -> bool:
    try:
        return b"a".decode(name) == "a" or name.lower().startswith("utf")
    except (LookupError, ValueError):
        return False
