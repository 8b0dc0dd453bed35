"""Looks for cliffs: lists whose cost grows with the table, or jumps from one value to another.

    python -m bench.cliffs [--small 10000] [--large 1000000] [--count 300] [--seed 1]

Filters, sorts and pages of the graph are made at random from `schema.graphql`, criteria and sorts of Zoho from its
fields, each with values that a third of the records have, that one in ten thousand has, and that nobody has. Each is
sent to a small and to a large skewed store (`bench/skewed.py`), and the statements that answer it are explained as they
are run, with one plan for all values. Reported is what reads more blocks as the table grows, or takes above 50 ms.
The questions, and what is known and why (`KNOWN`), stand in `bench/cliff_questions.py`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
from sqlalchemy import event

from bench.cliff_questions import Question, Records, every_filter, every_list, every_record, every_sort, questions
from crmgraph.app import create_app
from crmgraph.crm.core import Core
from crmgraph.settings import Settings

_DOORS = {"crm": "zoho", "crmapi": "crmcom", "api": "valomnia"}
"""{how a path begins: whose it is}; all others are the graph's."""
MAX_STATEMENTS = 8
"""Who asks, which records, their rows, and what they name."""


@dataclass(slots=True)
class Cost:
    """What the statements of one question took.

    Attributes:
        blocks: read from the database's memory and its disk.
        milliseconds: by the database.
        plans: the kinds of their steps.
    """

    blocks: int = 0
    milliseconds: float = 0.0
    statements: int = 0
    plans: list[str] = field(default_factory=list)


class Explained:
    """An application whose statements are explained.

    Attributes:
        client: speaks to it.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        connection: asyncpg.Connection,
        seen: list[Any],
        headers: dict[str, dict[str, str]],
    ) -> None:
        self.client = client
        self._connection = connection
        self._seen = seen
        self._headers = headers

    async def cost(self, question: Question) -> Cost:
        """What a question costs, who asks included.

        Raises:
            RuntimeError: it was refused.
        """
        self._seen.clear()
        headers = self._headers[_DOORS.get(question.path.split("/")[1], "graphql")]
        path = question.path.replace("{token}", self._headers["crmcom"]["token"])
        answer = await self.client.request(question.method, path, json=question.body, headers=headers)
        if answer.status_code >= 300 or '"errors"' in answer.text:
            raise RuntimeError(f"{question.text}: {answer.status_code} {answer.text[:300]}")
        cost = Cost()
        if not self._seen:
            raise RuntimeError(f"{question.text}: no statement was seen")
        for sql, values in list(self._seen):
            if question.counts and sql.startswith("SELECT count(*)"):
                continue
            cost.statements += 1
            plan = await self._explain(sql, values)
            root = plan["Plan"]
            cost.blocks += root["Shared Hit Blocks"] + root["Shared Read Blocks"]
            cost.milliseconds += plan["Execution Time"]
            cost.plans.append(" ".join(_steps(root)))
        return cost

    async def ids(self) -> dict[str, tuple[str, str, str]]:
        """{field: ids that many records, few and none name}."""
        ask = self._connection.fetchval
        hot = await ask("SELECT min(id) FROM account")
        few = await ask(f"SELECT account_id FROM contact WHERE account_id <> {hot} LIMIT 1")
        staff = await ask("SELECT min(id) FROM staff")
        accounts = (f"acc_{hot}", f"acc_{few}", "acc_1")
        return {"account": accounts, "parent": accounts, "owner": (f"usr_{staff}", f"usr_{staff}", "usr_1")}

    async def records(self) -> Records:
        """Records to be asked for one by one."""
        ask = self._connection.fetchval
        return Records(
            contact=await ask("SELECT max(id) FROM contact WHERE deleted_at IS NULL"),
            hot_account=await ask("SELECT min(id) FROM account"),
            lead=await ask("SELECT max(id) FROM lead WHERE deleted_at IS NULL"),
            called=await ask("SELECT max(value) FROM external_id WHERE dialect = 'zoho' AND live"),
        )

    async def _explain(self, sql: str, values: Sequence[Any]) -> dict[str, Any]:
        await self._connection.execute(f"PREPARE asked AS {sql}")
        given = f"({', '.join(map(_literal, values))})" if values else ""
        text = await self._connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked{given}")
        await self._connection.execute("DEALLOCATE asked")
        return dict(json.loads(text)[0])


def _steps(node: dict[str, Any]) -> Iterator[str]:
    yield node["Node Type"] + (f" {name}" if (name := node.get("Index Name") or node.get("Relation Name")) else "")
    for inner in node.get("Plans", ()):
        yield from _steps(inner)


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int() | float():
            return str(value)
        case list() | tuple():
            return f"ARRAY[{', '.join(map(_literal, value))}]"
    text = str(value).replace("'", "''")
    return f"'{text}'"


@asynccontextmanager
async def explained(
    client: httpx.AsyncClient, core: Core, url: str, headers: dict[str, dict[str, str]]
) -> AsyncIterator[Explained]:
    """A served application, with a note taken of each statement.

    Args:
        url: of its database, for the driver.
        headers: {door: the headers that requests there sign in with}; of CRM.COM, whose token is in the address,
            `token`.
    """
    pool = core.db.pool
    seen: list[Any] = []
    execute = pool.execute

    def note(sql: str, values: Any) -> None:
        task = asyncio.current_task()
        if task is None or not task.get_name().startswith("background:"):
            seen.append((sql, list(values)))

    async def noted(connection: Any, sql: str, values: Sequence[Any]) -> Any:
        note(sql, values)
        return await execute(connection, sql, values)

    def noted_of_session(_connection: Any, _cursor: Any, sql: str, values: Any, *_more: Any) -> None:
        if sql.lstrip().startswith(("SELECT", "WITH")):
            note(sql, values)

    pool.execute = noted  # type: ignore[method-assign]  # the way of statements that are compiled once
    event.listen(core.db.engine.sync_engine, "before_cursor_execute", noted_of_session)
    connection = await asyncpg.connect(url, statement_cache_size=0)
    await connection.execute("SET plan_cache_mode = force_generic_plan; SET jit = off")
    try:
        yield Explained(client, connection, seen, headers)
    finally:
        event.remove(core.db.engine.sync_engine, "before_cursor_execute", noted_of_session)
        await connection.close()


@asynccontextmanager
async def served(
    settings: Settings, *, email: str, password: str, clients: dict[str, dict[str, str]]
) -> AsyncIterator[Explained]:
    """The application of these settings, signed in at the doors.

    Args:
        clients: by dialect, what its program signs in with.
    """
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test", timeout=120) as client,
    ):
        login = "mutation($e: EmailAddress!, $p: String!) { login(input: {email: $e, password: $p}) { accessToken } }"
        answer = await client.post("/graphql", json={"query": login, "variables": {"e": email, "p": password}})
        token = answer.json()["data"]["login"]["accessToken"]
        answer = await client.post("/oauth/v2/token", data={"grant_type": "refresh_token", **clients["zoho"]})
        crmcom = await client.post("/crmapi/rest/v2/authentication/token", json=clients["crmcom"])
        form = {"j_username": email, "j_password": password}
        valomnia = await client.post("/j_spring_security_check", data=form)
        client.cookies.clear()  # each door has its own
        headers = {
            "graphql": {"authorization": f"Bearer {token}"},
            "zoho": {"authorization": f"Zoho-oauthtoken {answer.json()['access_token']}"},
            "valomnia": {"cookie": f"JSESSIONID={valomnia.cookies['JSESSIONID']}"},
            "crmcom": {"token": crmcom.json()["data"]["token"]},
        }
        async with explained(client, app.state.core, settings.database_url, headers) as found:
            yield found


def grew(small: Cost, large: Cost, *, slack: int) -> bool:
    """Whether a question reads more of the large table than of the small one.

    Args:
        slack: so many blocks are no growth.
    """
    return large.blocks > 2 * small.blocks + slack


async def costs(application: Explained, seed: int, count: int) -> list[tuple[Question, Cost]]:
    """Questions and what they cost: so many, a page in every order, one by every field, and single records."""
    ids = await application.ids()
    records = await application.records()
    asked = questions(seed, count, ids) + every_sort() + every_filter(ids) + every_record(records) + every_list(records)
    return [(question, await application.cost(question)) for question in asked]


@dataclass(frozen=True, slots=True)
class Found:
    """A cliff: a question, and what is wrong with its answer."""

    question: Question
    what: str


def compared(
    small: Sequence[tuple[Question, Cost]],
    large: Sequence[tuple[Question, Cost]],
    *,
    slack: int,
    milliseconds: float | None = None,
) -> list[Found]:
    """What costs more than it may.

    Args:
        small, large: what the same questions cost in a small store and in a large one.
        slack: see `grew`; of a question that has its own, that.
        milliseconds: above which a question is slow; None where nobody looks at the time.
    """
    found = []
    for (question, less), (_, more) in zip(small, large, strict=True):
        wrong = []
        if grew(less, more, slack=slack if question.slack is None else question.slack):
            wrong.append(f"{less.blocks:,} blocks of the small store, {more.blocks:,} of the large one")
        if milliseconds is not None and more.milliseconds > milliseconds:
            wrong.append(f"{more.milliseconds:.0f} ms")
        if max(less.statements, more.statements) > MAX_STATEMENTS:
            wrong.append(f"{less.statements} statements, and {more.statements}")
        if wrong:
            found.append(Found(question, "; ".join(wrong)))
    return found


async def main() -> int:
    """The command."""
    from bench.cluster import Cluster
    from bench.store import PASSWORD, STAFF_EMAIL, Size, environment, on_postgres

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", type=int, default=10_000, help="contacts of the small store")
    parser.add_argument("--large", type=int, default=1_000_000, help="contacts of the large store")
    parser.add_argument("--count", type=int, default=300, help="questions")
    parser.add_argument("--seed", type=int, default=1, help="of the questions")
    options = parser.parse_args()

    def tell(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    cluster = await Cluster.start()
    began, both = time.perf_counter(), []
    for contacts in (options.small, options.large):
        size = Size(max(20, contacts // 15), contacts, contacts // 3)
        store = await on_postgres(cluster, size, tell, skewed=True)
        given = {key.removeprefix("CRMGRAPH_").lower(): value for key, value in environment(store.url).items()}
        settings = Settings(**{**given, "run_jobs": False, "log_level": "error"})  # type: ignore[arg-type]  # as read
        async with served(settings, email=STAFF_EMAIL, password=PASSWORD, clients=store.clients) as application:
            both.append(await costs(application, options.seed, options.count))
    everything = compared(*both, slack=30_000, milliseconds=50)
    found = [each for each in everything if each.question.reason is None]
    known = [each for each in everything if each.question.reason is not None]
    say = sys.stdout.write
    took = time.perf_counter() - began
    say(f"{options.count} questions in {took:.0f} s: {len(found)} cliffs, {len(known)} that are known\n")
    for title, each in (("Cliffs", found), ("Known", known)):
        say(f"\n{title}\n")
        for one in each:
            reason = f" ({one.question.reason})" if one.question.reason else ""
            say(f"- {one.question.text}\n  {one.what}{reason}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
