"""Compares what the old CRM has answered with what this store would have said, and counts what comes of it.

Answers that are as different as the records are behind are told apart: a record that a call has just written, or that
was changed there since it was read last, is stale and not different.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from crmgraph.crm import comparisons, upstreams
from crmgraph.crm.comparisons import ComparisonCounts
from crmgraph.crm.core import Core
from crmgraph.crm.models import AcceptedDifference, DifferenceSort, Door, Mode, Verdict
from crmgraph.crm.upstream_settings import COMPARE_AS, KEEP_VALUES, value_of
from crmgraph.crm.usage import NOWHERE
from crmgraph.db.errors import log_background
from crmgraph.metrics import UPSTREAM_COMPARED
from crmgraph.rest.comparing import Comparing
from crmgraph.rest.passing import HttpMessage
from crmgraph.upstream.acting import Acting, query_of
from crmgraph.upstream.candidate import Candidate
from crmgraph.upstream.compare import ComparedAnswer, Comparison, Difference, is_like
from crmgraph.upstream.decoding import decoded
from crmgraph.upstream.examples import example_of
from crmgraph.upstream.staleness import IsBehind, Refresh, Written, modified_in
from crmgraph.upstream.tee import PassedCall, is_counted

WRITES = "writes are not rehearsed yet"
TOO_LONG = "longer than 1 MiB, or cut short"
NO_COUNTERPART = "this store has no such operation or module"
AWAY = "the old CRM had a fault"
LIMITED = "the old CRM refused for its limits"
UNREADABLE = "its body is compressed in a way that is not read"
REFUSED = "both refuse whoever asks, each in its own way"
FAULT = "this store had a fault"
ACCEPTED = "as was accepted"
BEHIND = "changed at the old CRM since it was read there"
WRITTEN = "written at the old CRM lately"
CAME = "equal a moment later, its records read again where they can be"


async def _nothing_behind(_: Door, __: Mapping[str, dt.datetime]) -> set[str]:
    return set()


async def _no_refresh(_: Door, __: Sequence[str]) -> None:
    return None


class Comparer:
    """Compares calls that were passed on.

    Args:
        core: where verdicts are stored.
        candidate: answers in the place of the old CRM.
        dialects: how answers of each are compared.
        is_behind, refresh: what is known of how new records are.
    """

    def __init__(
        self,
        core: Core,
        candidate: Candidate,
        dialects: Mapping[Door, Comparing],
        *,
        is_behind: IsBehind = _nothing_behind,
        refresh: Refresh = _no_refresh,
    ) -> None:
        self.counts = ComparisonCounts()
        self._core = core
        self._candidate = candidate
        self._dialects = dialects
        self._comparisons: dict[Door, Comparison] = {}
        self._acting = Acting(core.db, core.region)
        self._written = Written()
        self._is_behind, self._refresh = is_behind, refresh
        self._accepted: Sequence[AcceptedDifference] = ()
        self._options: Mapping[Door, Mapping[str, Any]] = {}
        self._storing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to store what is counted, now and then."""
        await self.read()
        self._storing = asyncio.create_task(self._keep_storing(), name="background: comparing")

    async def close(self) -> None:
        """Store what was counted, and end."""
        if self._storing is not None:
            self._storing.cancel()
            with suppress(asyncio.CancelledError):
                await self._storing
        await self.counts.store(self._core.db)

    async def read(self) -> None:
        """Read what may differ, and what is said of the upstreams."""
        async with self._core.db.read() as session:
            self._accepted = await comparisons.accepted(session)
            found = await upstreams.all_upstreams(session)
        self._options = {each.dialect: each.options for each in found}
        for each in found:
            if each.dialect not in self._comparisons and (rules := self._dialects.get(each.dialect)) is not None:
                self._comparisons[each.dialect] = Comparison(rules, (each.base_url, self._core.public_url))

    def _setting(self, dialect: Door, key: str) -> Any:
        return value_of(self._options.get(dialect, {}), key)

    async def _keep_storing(self) -> None:
        while True:
            await asyncio.sleep(comparisons.STORE_SECONDS)
            try:
                await self.counts.store(self._core.db)
                await self.read()
            except Exception as error:
                log_background(error, "comparing")

    def dropped(self, call: PassedCall) -> None:
        """Count a call that is not looked at, for want of place."""
        if is_counted(call):
            self._count(call, Verdict.DROPPED)

    async def look(self, call: PassedCall) -> None:
        """Compare the answer to a call, and count what comes of it."""
        comparing = self._dialects.get(call.dialect)
        if comparing is None or call.dialect not in self._comparisons:
            return
        request = HttpMessage(_texts(call.headers), call.query, call.body)
        if not call.is_read:
            self._written.note(call, comparing.customer(request))
            if call.mode is Mode.SHADOW:
                self._count(call, Verdict.SKIPPED, WRITES)
            return
        verdict, reason = await self._verdict(call, request, comparing)
        self._count(call, verdict, reason)

    def _count(self, call: PassedCall, verdict: Verdict, reason: str = "") -> None:
        self.counts.add(call.dialect, call.operation, call.caller, verdict, reason)
        UPSTREAM_COMPARED.labels(verdict.value.lower()).inc()

    async def _verdict(self, call: PassedCall, request: HttpMessage, comparing: Comparing) -> tuple[Verdict, str]:
        if not call.whole:
            return Verdict.SKIPPED, TOO_LONG
        if call.operation == NOWHERE:
            return Verdict.SKIPPED, NO_COUNTERPART
        if call.status >= 500 or call.status == 429:
            return Verdict.SKIPPED, LIMITED if call.status == 429 else AWAY
        body = decoded(call)
        if body is None:
            return Verdict.SKIPPED, UNREADABLE
        control = ComparedAnswer(call.status, call.answer_headers, body)
        told = control.json()
        if comparing.refuses(control.status, told):
            return await self._refused(call, comparing, comparing.outcome(control.status, told))
        personal = comparing.is_personal(call.operation, query_of(request))
        compare_as = self._setting(call.dialect, COMPARE_AS)
        actor = await self._acting.of(call.dialect, call.caller, request, comparing, compare_as, personal)
        if isinstance(actor, str):
            return Verdict.SKIPPED, actor

        async def differences() -> list[Difference] | str:
            candidate = await self._candidate.answer(call, actor)
            if candidate is None or (
                candidate.status != control.status and comparing.lacks(candidate.status, candidate.json())
            ):
                return NO_COUNTERPART
            if candidate.status >= 500:
                return FAULT
            comparison = self._comparisons[call.dialect]
            return comparison.differences(control, candidate, with_body=call.method != "HEAD")

        found = await differences()
        if isinstance(found, str):
            return Verdict.FAILED if found == FAULT else Verdict.SKIPPED, found
        if not found:
            return Verdict.EQUAL, ""
        left = [each for each in found if not self._is_accepted(call, each)]
        if not left:
            return Verdict.EQUAL, ACCEPTED
        return await self._stale_or_different(call, comparing.customer(request), control, left, differences)

    async def _refused(self, call: PassedCall, comparing: Comparing, outcome: str) -> tuple[Verdict, str]:
        """Where the old CRM refused whoever asked, nobody acts in their place: that this store refuses them is all."""
        candidate = await self._candidate.answer(call, None)
        if candidate is None:
            return Verdict.SKIPPED, NO_COUNTERPART
        own = comparing.outcome(candidate.status, candidate.json())
        if own == outcome:
            return Verdict.EQUAL, ""
        if comparing.refuses(candidate.status, candidate.json()):
            return Verdict.SKIPPED, REFUSED
        if comparing.lacks(candidate.status, candidate.json()):
            return Verdict.SKIPPED, NO_COUNTERPART
        self._note(call, [Difference("(status)", DifferenceSort.VALUE, outcome, own)])
        return Verdict.DIFFERENT, ""

    def _is_accepted(self, call: PassedCall, difference: Difference) -> bool:
        return any(
            each.dialect is call.dialect
            and each.operation in (None, call.operation)
            and each.caller in (None, call.caller)
            and is_like(each.field, difference.field)
            for each in self._accepted
        )

    async def _stale_or_different(
        self,
        call: PassedCall,
        customer: str | None,
        control: ComparedAnswer,
        found: list[Difference],
        again: Callable[[], Awaitable[list[Difference] | str]],
    ) -> tuple[Verdict, str]:
        written = self._written.stale(call, customer, found)
        rest = [each for each in found if each not in written]
        if not rest:
            return Verdict.STALE, WRITTEN
        name = self._dialects[call.dialect].modified
        records = {each.record for each in rest if each.record is not None}
        modified = {own: at for own, at in modified_in(control.json(), name).items() if own in records} if name else {}
        behind = await self._is_behind(call.dialect, modified) if modified else set()
        rest = [each for each in rest if each.record not in behind]
        if not rest:
            return Verdict.STALE, BEHIND
        await self._refresh(call.dialect, sorted(records))
        later = await again()
        if isinstance(later, list):
            remaining = {(each.field, each.sort, each.record) for each in later}
            rest = [each for each in rest if (each.field, each.sort, each.record) in remaining]
        if not rest:
            return Verdict.STALE, CAME
        self._note(call, rest)
        return Verdict.DIFFERENT, ""

    def _note(self, call: PassedCall, found: Iterable[Difference]) -> None:
        keep_values = self._setting(call.dialect, KEEP_VALUES)
        once = {(each.field, each.sort): each for each in found}
        for (name, sort), each in once.items():
            example = example_of(call, each, self._dialects[call.dialect], self._core.keys, keep_values=keep_values)
            self.counts.diverged(call.dialect, call.operation, call.caller, name, sort, example)


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in headers}
