"""Rounds: every contender does the same work for a moment, one after the other, over and over.

Machines are shared and times wander; what happens within one round happened to everybody in it. So contenders are
compared round by round, and the medians of those ratios are what counts.
"""

import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.contenders import Footprint, Running
from bench.load import Failed, Next, Outcome, cycle, load
from bench.works import novelty

Aim = tuple[str, int]
"""A work and a number of clients."""


@dataclass
class Series:
    """What one contender did in all rounds of one aim.

    Attributes:
        rates: requests per second, a number a round; None where a round was missed.
        server, database, generator: CPU seconds in all.
    """

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    server: float = 0.0
    database: float = 0.0
    generator: float = 0.0
    received: int = 0
    refused: int = 0

    def add(self, outcome: Outcome, server: float, database: float) -> None:
        """Take a round in."""
        self.rates.append(outcome.rate)
        self.latencies += outcome.latencies
        self.seconds += outcome.seconds
        self.server += server
        self.database += database
        self.generator += outcome.generator
        self.received += outcome.received
        self.refused += outcome.refused

    def summary(self) -> dict[str, Any]:
        """As JSON: times in milliseconds, CPU in milliseconds a request and as a share of one core."""
        count = len(self.latencies)
        ordered = sorted(self.latencies)
        return {
            "rate": statistics.median(self.rates),
            "rates": [round(rate, 2) for rate in self.rates],
            "requests": count,
            "refused": self.refused,
            "p50_ms": 1e3 * ordered[count // 2],
            "p99_ms": 1e3 * ordered[min(count - 1, int(0.99 * count))],
            "server_cpu_ms": 1e3 * self.server / count,
            "database_cpu_ms": 1e3 * self.database / count,
            "server_share": self.server / self.seconds,
            "database_share": self.database / self.seconds,
            "generator_share": self.generator / self.seconds,
            "body_bytes": self.received // count,
        }


class Writes:
    """Makes requests that each change something, and makes sure that they did.

    Args:
        build: the bytes of a request from the turn's new values.
    """

    # From the clock: what an earlier run wrote to the same database would change nothing now.
    _turns = itertools.count(time.time_ns() // 1000)

    def __init__(self, build: Callable[[int, dict[str, str]], bytes]) -> None:
        self._build = build

    def __call__(self) -> bytes:
        turn = next(self._turns)
        return self._build(turn, novelty(turn))


@dataclass
class Task:
    """A work as one contender does it.

    Attributes:
        following: makes the next request.
        writes: whether every request leaves a row in the change log, which is then counted.
        label: its name, where one contender does several of them.
    """

    running: Running
    following: Next
    writes: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """Under what name its rounds are kept."""
        return self.label or self.running.name


def reading(running: Running, requests: list[bytes], label: str = "") -> Task:
    """A task that sends these requests in turn."""
    return Task(running, cycle(requests), label=label)


class Rounds:
    """Carries rounds out and keeps what they gave.

    Args:
        database: the process of the database; None where it is embedded.
        logged: how many rows the change log has.
    """

    def __init__(self, database: Footprint | None, logged: Callable[[], Any] | None) -> None:
        self._database = database
        self._logged = logged
        self.series: dict[Aim, dict[str, Series]] = defaultdict(lambda: defaultdict(Series))
        self.memory: dict[str, int] = defaultdict(int)

    async def warm(self, tasks: Iterable[Task], seconds: float) -> None:
        """Let every contender come up to speed; what it does is not kept."""
        for task in tasks:
            await load(task.running.port, task.following, clients=4, seconds=seconds)

    async def round(self, turn: int, aim: Aim, tasks: list[Task], seconds: float) -> None:
        """One round of one aim. The order changes from turn to turn, so that nobody always follows the same one.

        Raises:
            Failed: an answer was none, or a write left no change behind.
        """
        shift = turn % len(tasks)
        order = tasks[shift:] + tasks[:shift]
        for task in order if turn % 2 == 0 else reversed(order):
            running = task.running
            before = await self._logged() if task.writes and self._logged else 0
            server, database = running.footprint.cpu(), self._database.cpu() if self._database else 0.0
            try:
                outcome = await load(running.port, task.following, clients=aim[1], seconds=seconds)
            except Failed as failed:
                raise Failed(f"{running.name} at {aim[0]} with {aim[1]} clients: {failed}") from failed
            server = running.footprint.cpu() - server
            database = (self._database.cpu() if self._database else 0.0) - database
            if task.writes and self._logged:
                written = await self._logged() - before
                if written != len(outcome.latencies):
                    raise Failed(f"{running.name} answered {len(outcome.latencies)} writes and logged {written}")
            self.series[aim][task.name].add(outcome, server, database)
            self.memory[running.name] = max(self.memory[running.name], running.footprint.memory())


def ratios(mine: Series, other: Series) -> list[float]:
    """How many times as fast, round by round."""
    return [a / b for a, b in zip(mine.rates, other.rates, strict=True)]


def middle(values: list[float]) -> tuple[float, float, float]:
    """The median with the first and the third quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high
