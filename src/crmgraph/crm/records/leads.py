"""Whether a lead may be worked on."""

from crmgraph.crm.errors import Invalid, Locked, NotApproved, Refused, refuse
from crmgraph.crm.models import Approval, Lead
from crmgraph.crm.policy import Record
from crmgraph.crm.records.edits import Edit

_RELEASES = frozenset({"approval", "locked_by"})
"""The columns that may change whoever holds the lead: they are how it is let go."""


def require_workable(lead: Lead) -> None:
    """Let a lead pass that is approved, that no process holds and that was not converted.

    Raises:
        NotApproved, Locked: it waits for somebody.
        Invalid: `converted`: it has become a contact.
    """
    refuse(unworkable(lead))


def unworkable(lead: Lead) -> list[Refused]:
    """Everything for which a lead may not be worked on, see `require_workable`."""
    faults: list[Refused] = []
    if lead.approval is Approval.AWAITING:
        faults.append(NotApproved())
    if lead.locked_by is not None:
        faults.append(Locked((), lead.locked_by))
    if lead.converted_at is not None:
        faults.append(Invalid((), "converted"))
    return faults


def require_unlocked(record: Record) -> None:
    """Let every record pass but a lead that a process holds: nothing of it comes, changes or goes meanwhile.

    Raises:
        Locked: a process holds it.
    """
    if isinstance(record, Lead) and record.locked_by is not None:
        raise Locked((), record.locked_by)


def releases(edit: Edit) -> bool:
    """Whether an edit does nothing but approve a lead, or lock and unlock it."""
    rows = edit.phones or edit.emails or edit.addresses
    return edit.values.keys() <= _RELEASES and not rows and not edit.extra_fields
