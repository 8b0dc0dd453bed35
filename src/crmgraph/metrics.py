"""What is counted, for Prometheus.

Several workers count into files of one folder, PROMETHEUS_MULTIPROC_DIR, which has to be set before this module is
imported; whichever of them is asked tells the sum.
"""

import os
from functools import lru_cache

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where workers count together; the variable is prometheus-client's own."""

REQUESTS = Counter("crmgraph_requests", "Requests answered.", ["door", "status"])
SECONDS = Histogram("crmgraph_request_seconds", "How long requests took, in seconds.", ["door"])
OPERATIONS = Counter("crmgraph_graphql_operations", "GraphQL operations, by what answered them.", ["executor"])
JOBS = Counter("crmgraph_jobs", "Attempts at background jobs, by how they went.", ["kind", "outcome"])
JOBS_WAITING = Gauge(
    "crmgraph_jobs_waiting", "Background jobs that wait or are run.", ["kind"], multiprocess_mode="mostrecent"
)
EMAILS = Counter("crmgraph_letters", "Tries to hand an email to the mail server, by how they went.", ["outcome"])
EMAILS_WAITING = Gauge("crmgraph_letters_waiting", "Emails that wait to be sent.", multiprocess_mode="mostrecent")
_OF_EMAILS = {"retried": "tried", "failed": "given up"}


def job(kind: str, outcome: str) -> None:
    """Count an attempt at a job: `done`, `retried` when it will be tried again, or `failed` for good."""
    JOBS.labels(kind, outcome).inc()
    if kind == "email" and outcome in _OF_EMAILS:
        EMAILS.labels(_OF_EMAILS[outcome]).inc()


def jobs_waiting(kind: str, count: int) -> None:
    """Note how many jobs of a kind wait or are run, as the store tells."""
    JOBS_WAITING.labels(kind).set(count)
    if kind == "email":
        EMAILS_WAITING.set(count)


def email_sent() -> None:
    """Count an email that the mail server took; a job of one that nobody wants any more sends none."""
    EMAILS.labels("sent").inc()


SUBSCRIBERS = Gauge("crmgraph_subscribers", "WebSockets and event streams that are open.", multiprocess_mode="livesum")
UPSTREAM_QUEUE = Gauge(
    "crmgraph_upstream_queue", "Calls that were passed on and wait to be looked at.", multiprocess_mode="livesum"
)
UPSTREAM_COMPARED = Counter(
    "crmgraph_upstream_compared", "Answers of old CRMs that were compared, by what came of it.", ["verdict"]
)
UPSTREAM_DROPPED = Counter(
    "crmgraph_upstream_dropped", "Calls that were passed on and that nobody looked at, for want of place.", ["dialect"]
)
UPSTREAM_HARVESTED = Counter(
    "crmgraph_upstream_harvested",
    "Records of which answers that were passed on told, by what became of them.",
    ["dialect", "outcome"],
)
UPSTREAM_PULL_LAG = Gauge(
    "crmgraph_upstream_pull_lag_seconds",
    "Seconds since the start of the last reading of an old CRM that has ended, of the list where that is longest.",
    ["dialect"],
    multiprocess_mode="mostrecent",
)
UPSTREAM_PARKED = Gauge(
    "crmgraph_upstream_parked",
    "What an old CRM told and was not taken.",
    ["dialect"],
    multiprocess_mode="mostrecent",
)
DROPPED = Counter("crmgraph_refused", "Requests and connections that found no place, or were too slow.", ["reason"])


@lru_cache(maxsize=1024)
def _counted(door: str, status: int) -> tuple[Counter, Histogram]:
    # Looking a label up takes a lock; there are a few doors and a few dozen statuses.
    return REQUESTS.labels(door, status), SECONDS.labels(door)


def count(door: str, status: int, seconds: float) -> None:
    """Count a request that was answered."""
    requests, times = _counted(door, status)
    requests.inc()
    times.observe(seconds)


@lru_cache(maxsize=8)
def executor(name: str) -> Counter:
    """The count of operations that this executor answered: `compiled` or `resolvers`."""
    return OPERATIONS.labels(name)


def exposition() -> bytes:
    """All counts, of all workers, in Prometheus's text format."""
    if SHARED not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types there
    return generate_latest(registry)


__all__ = ["CONTENT_TYPE", "DROPPED", "OPERATIONS", "REQUESTS", "SECONDS", "SHARED", "count", "executor", "exposition"]
