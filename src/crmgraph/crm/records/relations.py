"""How a contact or account stands to others: to a record here, or to an identifier that nobody here answers to.

Relations are rows of a record like its phones: they come, change and go by `Edit.relations`, within the revision and
the Change of the record. `aggregates.load` reads them where its `parts` say so. A row has these columns: `kind` (text,
required), `other_id` (a contact or account that the actor may see), `given` (the identifier as it was given).
"""

from collections.abc import Callable, Sequence
from typing import Any

from crmgraph.crm.errors import Forbidden, Invalid, Missing, Path, Refused, TooLarge
from crmgraph.crm.models import Account, Contact, Relation
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, Actor, may_see_identity
from crmgraph.crm.records.edits import Row, RowEdits
from crmgraph.crm.records.rules import MAX_ROWS, check_extra_fields
from crmgraph.crm.values.text import fault_of, is_blank

MAX_GIVEN = 10
"""The most names in one identifier."""


def check_relations(
    actor: Actor, edits: RowEdits, can_be_named: Callable[[type, object], bool], known: Sequence[Relation] = ()
) -> list[Refused]:
    """What is wrong with these rows.

    A row that is sent again with the identifier that it has, to which nobody answers now, goes on naming whom it named:
    they are deleted, and would be back.

    Args:
        edits: is changed: blank notes and the like stay out of it, `kind` loses its outer blanks.
        can_be_named: whether there is a record of this model and id for the actor.
        known: the relations that the record has.
    """
    if not edits:
        return []
    if max(len(edits.add), len(edits.update), len(edits.remove)) > MAX_ROWS:
        return [TooLarge(("relations",), MAX_ROWS)]
    faults: list[Refused] = []
    named: list[tuple[Path, int]] = []
    rows = [(("relations", "add", i), row, True) for i, row in enumerate(edits.add)]
    rows += [(("relations", "update", i), row, False) for i, (_, row) in enumerate(edits.update)]
    by_id = {row.id: row for row in known}
    for i, (row_id, row) in enumerate(edits.update):
        one = by_id.get(row_id)
        if one is not None and hides_given(actor, one.party_id, row.get("given")):
            # The number that is there and another one alike: who does not see it must not confirm a guess by this.
            faults.append(Forbidden(("relations", "update", i, "given")))
        if one is not None and row.get("other_id", 0) is None and row.get("given") == one.given:
            del row["other_id"]
    for path, row, creating in rows:
        faults += _faults(row, path, creating)
        if row.get("other_id") is not None:
            named.append(((*path, "other_id"), row["other_id"]))
    return faults + [
        Invalid(path, "reference")
        for path, other in named
        if not any(can_be_named(model, other) for model in (Contact, Account))
    ]


def hides_given(actor: Actor, party_id: int, given: object) -> bool:
    """Whether an identifier in a relation of this record is an identity document that the actor may not see."""
    names = given if isinstance(given, dict) else ()
    return not IDENTITY_DOCUMENTS.isdisjoint(names) and not may_see_identity(actor, party_id)


def shown_given(actor: Actor, party_id: int, given: dict[str, Any]) -> dict[str, Any]:
    """The identifier in a relation of this record as it was given; of a document that the actor may not see the name
    alone."""
    if not hides_given(actor, party_id, given):
        return given
    return {name: None if name in IDENTITY_DOCUMENTS else value for name, value in given.items()}


def _faults(row: Row, path: Path, creating: bool) -> list[Refused]:
    faults: list[Refused] = []
    kind = row.get("kind")
    if isinstance(kind, str) and not is_blank(kind):
        row["kind"] = kind.strip()
        if fault := fault_of(kind):
            faults.append(Invalid((*path, "kind"), *fault))
    elif kind is not None and not isinstance(kind, str):
        faults.append(Invalid((*path, "kind"), "type"))
    elif creating or "kind" in row:
        faults.append(Missing((*path, "kind")))
    given = row.get("given", {})
    if not isinstance(given, dict) or len(given) > MAX_GIVEN:
        faults.append(Invalid((*path, "given"), "form"))
    else:
        faults += check_extra_fields({"given": given}, path)
    return [*faults, *check_extra_fields(row.get("extra_fields", {}), path)]
