"""Who stands above a record once others have become it: no record may come to stand above itself."""

from collections.abc import Collection, Mapping

from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.hierarchies import MAX_STEPS
from crmgraph.crm.records.merging.values import Dropped, Taken


class Superiors:
    """Who stands above the record that stays, once others have become it.

    Args:
        edges: {record: the one above it}, of all above any of them.
    """

    def __init__(self, column: str, edges: Mapping[int, int | None]) -> None:
        self._column = column
        self._edges = dict(edges)
        self._led: dict[int, int] = {}

    def take(self, taken: Taken, stays: Aggregate, goes: Aggregate, chosen: Collection[str]) -> None:
        """Decide it: the record's own one, else that of the other, unless it would stand above itself so."""
        mine, theirs = (getattr(each.record, self._column) for each in (stays, goes))
        self._led[goes.id] = stays.id
        wanted = [theirs, mine] if self._column in chosen else [mine, theirs]
        found = next((each for each in wanted if each is not None and not self._is_below(each, stays.id)), None)
        found = self._led.get(found, found) if found is not None else None
        if found != mine:
            taken.values[self._column] = found
        if theirs is not None and self._led.get(theirs, theirs) not in (found, stays.id):
            taken.dropped.append(Dropped(self._column, theirs, found))
        self._edges[stays.id] = found

    def _is_below(self, above: int, own_id: int) -> bool:
        """Whether a record is this very one, or below it."""
        step: int | None = above
        for _ in range(MAX_STEPS + 1):
            if step is None:
                return False
            step = self._led.get(step, step)
            if step == own_id:
                return True
            step = self._edges.get(step)
        return True
