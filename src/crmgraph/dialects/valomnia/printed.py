"""What an id or a reference that Valomnia prints may stand for."""

from crmgraph.crm.records.external_ids import REFERENCE
from crmgraph.crm.records.parties import Printed, minted, spellings
from crmgraph.dialects.valomnia.fields import CUSTOMERS, DIALECT, read_long
from crmgraph.mapping import Unreadable


def printed_id(space: str, text: str, *, references: bool = False) -> Printed:
    """What an id in this space stands for.

    Args:
        references: whether things in this space have a reference too, by which they are named just as well.
    """
    given = text.strip()
    try:
        number = str(read_long(given))
    except Unreadable:
        number = ""
    homes = [(space, number)] if number else []
    if references:
        homes += [(REFERENCE, each) for each in spellings(given)]
    return Printed(DIALECT, tuple(homes), minted(number))


def customer_reference(text: str) -> Printed:
    """What the reference of a customer stands for: it came with one, or is referred to by its number."""
    given = text.strip()
    return Printed(DIALECT, tuple((REFERENCE, each) for each in spellings(given)), number=given)


def customer_printed(text: str) -> Printed:
    """What an id of a customer stands for, or its reference."""
    by_id, by_reference = printed_id(CUSTOMERS, text), customer_reference(text)
    return Printed(DIALECT, by_id.homes + by_reference.homes, by_id.own, by_reference.number)
