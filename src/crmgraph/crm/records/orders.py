"""Sales orders, as a signup takes them: numbered, and kept with what they order as it came."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid, Refused
from crmgraph.crm.models import Door, SalesOrder
from crmgraph.crm.records import numbers
from crmgraph.crm.records.rules import check_extra_fields
from crmgraph.crm.values.text import fault_of

DETAILS = "details"
"""What the paths of the faults of an order's details start with."""


@dataclass(slots=True)
class Order:
    """What is ordered.

    Attributes:
        reference: the caller's own number of the order.
        details: line items, payment facts and whatever else came with it; card data in it is never kept.
    """

    order_type: str | None = None
    reference: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def faults_of(order: Order) -> list[Refused]:
    """Every fault of an order; card data is taken out of its details, in place."""
    faults: list[Refused] = []
    for name in ("order_type", "reference"):
        value = getattr(order, name)
        if value is not None and (fault := fault_of(value)):
            faults.append(Invalid((name,), *fault))
    for refused in check_extra_fields({DETAILS: order.details}, ()):
        refused.path = refused.path[1:]
        faults.append(refused)
    return faults


async def place(session: AsyncSession, door: Door, order: Order, *, account_id: int, contact_id: int) -> SalesOrder:
    """The new order, with a number of its own. Make its account and contact before it in the same transaction.

    Args:
        order: one in which `faults_of` found nothing.
    """
    (number,) = await numbers.take(session, numbers.Series.SALES_ORDER)
    row = SalesOrder(
        number=number,
        account_id=account_id,
        contact_id=contact_id,
        order_type=order.order_type,
        order_reference=order.reference,
        details=order.details,
        door=door,
    )
    session.add(row)
    await session.flush()
    return row
