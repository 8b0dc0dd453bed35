"""What an id or a reference that Valomnia prints may stand for."""

from crmgraph.crm.records.external_ids import REFERENCE
from crmgraph.crm.records.lookup import IdCandidates, minted, spellings
from crmgraph.dialects.valomnia.fields import CUSTOMERS, DIALECT, read_long
from crmgraph.mapping import Unreadable


def by_id(space: str, text: str, *, references: bool = False) -> IdCandidates:
    """What an id in this space stands for.

    Args:
        references: whether things in this space have a reference too, by which they are named just as well.
    """
    given = text.strip()
    try:
        number = str(read_long(given))
    except Unreadable:
        number = ""
    named = [(space, number)] if number else []
    if references:
        named += [(REFERENCE, each) for each in spellings(given)]
    return IdCandidates(DIALECT, tuple(named), minted(number))


def by_customer_reference(text: str) -> IdCandidates:
    """What the reference of a customer stands for: it came with one, or is referred to by its number."""
    given = text.strip()
    return IdCandidates(DIALECT, tuple((REFERENCE, each) for each in spellings(given)), number=given)


def customer_candidates(text: str) -> IdCandidates:
    """What an id of a customer stands for, or its reference."""
    ids, references = by_id(CUSTOMERS, text), by_customer_reference(text)
    return IdCandidates(DIALECT, ids.external_ids + references.external_ids, ids.own, references.number)
