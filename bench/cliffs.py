"""Looks for cliffs: lists whose cost grows with the table, or jumps from one value to another.

    python -m bench.cliffs [--small 10000] [--large 1000000] [--count 300] [--seed 1]

Filters, sorts and pages of the graph are made at random from `schema.graphql`, criteria and sorts of Zoho from its
fields, each with values that a third of the records have, that one in ten thousand has, and that nobody has. Each is
sent to a small and to a large skewed store (`bench/skewed.py`), and the statements that answer it are explained as they
are run, with one plan for all values. Reported is what reads more blocks as the table grows, or takes above 50 ms.
What is known and why stands in `KNOWN`.
"""

import argparse
import asyncio
import datetime as dt
import json
import random
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
import httpx
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLSchema, build_schema, get_named_type, get_nullable_type

from crmgraph.app import create_app
from crmgraph.dialects.zoho.fields import MODULES
from crmgraph.settings import Settings

ROOT = Path(__file__).parents[1]
FREQUENT, RARE, NOBODY = range(3)
NOW = dt.datetime(2019, 6, 1, tzinfo=dt.UTC)
"""Within the times of seeded records."""

VALUES: dict[str, tuple[Any, Any, Any]] = {
    "lastName": ("Papadopoulos", "Zyx", "Nobody At All"),
    "firstName": ("Maria", "Maria Zyx", "Nobody"),
    "name": ("Nikolaou", "Nikolaou Trading 7", "Nobody"),
    "company": ("Frequent Ltd", "Nikolaou Trading 7 Ltd", "Nobody"),
    "jobTitle": ("Buyer", "Buyer of Hamlet", "Nobody"),
    "email": ("a.papadopoulos1@frequent.example", "zyx@hamlet.example", "nobody@nowhere.example"),
    "phone": ("+35799123456", "+35422123456", "+4930000000"),
    "city": ("Metropolis", "Hamlet", "Nowhere"),
    "country": ("CY", "IS", "TV"),
    "number": ("CON1", "LEA77", "XYZ"),
    "status": ("Contacted", "Junk", "Nobody's"),
    "source": ("Web", "Fair", "Nobody's"),
    "industry": ("Retail", "Mining", "Nobody's"),
    "createdAt": ("2019-01-02T00:00:00Z", "2999-01-01T00:00:00Z", "2019-06-01T00:00:00Z"),
    "updatedAt": ("2019-01-02T00:00:00Z", "2999-01-01T00:00:00Z", "2019-06-01T00:00:00Z"),
}
"""{field: a value that many have, that few have, that nobody has}."""

KNOWN: tuple[tuple[str, str], ...] = (
    (r"totalCount", "an exact count counts whatever it finds"),
    (r"contains", "a part of a text is looked for in every text until there is an index of words"),
    (r"not: |isNull: false|not_equal|EMPTY", "what few lack is found by asking everybody"),
    (r"isNull: true", "what few lack is found by asking everybody"),
    (r"(account|owner|parent): \{isNull", "whether a reference is live is asked of every record"),
    (r"zoho.*(Tier|Score)", "what one dialect alone knows has no index"),
    (r"zoho.*(less|greater)", "of a field without an index every record is asked"),
)
"""(what the question has in it, why it may be slow)."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Attributes:
        text: says what is asked, for people and for `KNOWN`.
    """

    text: str
    method: str
    path: str
    body: dict[str, Any] | None = None

    @property
    def reason(self) -> str | None:
        """Why it may be slow; None when it may not."""
        return next((reason for pattern, reason in KNOWN if re.search(pattern, self.text)), None)


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


class GraphQuestions:
    """Lists of the graph, made at random.

    Args:
        dice: decides.
        ids: what filters by id are given, see `ids_of`.
    """

    def __init__(self, dice: random.Random, ids: dict[str, tuple[str, str, str]]) -> None:
        self._dice = dice
        self._ids = ids
        self._schema: GraphQLSchema = build_schema((ROOT / "schema.graphql").read_text("utf-8"))

    def one(self) -> Question:
        """A question."""
        name = self._dice.choice(("contacts", "contacts", "accounts", "leads"))
        definition = self._schema.query_type.fields[name]  # type: ignore[union-attr]  # there are queries
        filter_ = get_named_type(definition.args["filter"].type)
        sort = get_named_type(definition.args["sort"].type)
        fields = list(get_named_type(sort.fields["field"].type).values)
        arguments = [f"first: {self._dice.choice((1, 20, 50))}", f"filter: {self._filter(filter_, 2)}"]
        if self._dice.random() < 0.8:
            direction = self._dice.choice(("ASC", "DESC"))
            arguments.append(f"sort: [{{field: {self._dice.choice(fields)}, direction: {direction}}}]")
        total = " totalCount" if self._dice.random() < 0.05 else ""
        text = f"{{ {name}({', '.join(arguments)}) {{ nodes {{ id }} pageInfo {{ hasNextPage }}{total} }} }}"
        return Question(text, "POST", "/graphql", {"query": text})

    def _filter(self, type_: GraphQLInputObjectType, depth: int) -> str:
        names = [name for name in type_.fields if name not in ("and", "or", "not")]
        if depth and self._dice.random() < 0.25:
            word = self._dice.choice(("and", "or", "not"))
            inner = [self._filter(type_, depth - 1) for _ in range(2)]
            return f"{{{word}: {inner[0]}}}" if word == "not" else f"{{{word}: [{', '.join(inner)}]}}"
        chosen = self._dice.sample(names, self._dice.choice((1, 1, 2, 2, 3)))
        return "{" + ", ".join(f"{name}: {self._comparison(type_, name)}" for name in chosen) + "}"

    def _comparison(self, type_: GraphQLInputObjectType, name: str) -> str:
        input_ = get_named_type(type_.fields[name].type)
        comparators = list(input_.fields)
        word = self._dice.choice([c for c in comparators for _ in range(1 if c in ("contains", "isNull") else 4)])
        given = get_nullable_type(input_.fields[word].type)
        if word == "isNull":
            return f"{{isNull: {self._dice.choice(('true', 'false'))}}}"
        values = self._ids.get(name) or VALUES[name]
        value = self._dice.choice(values)
        if word == "startsWith":
            value = value[: self._dice.choice((2, 4))]
        quoted = json.dumps([value, self._dice.choice(values)] if isinstance(given, GraphQLList) else value)
        return f"{{{word}: {quoted}}}"


class ZohoQuestions:
    """Lists and searches of Zoho's dialect, made at random."""

    FIELDS: ClassVar[dict[str, str]] = {
        "Last_Name": "lastName",
        "First_Name": "firstName",
        "Email": "email",
        "Phone": "phone",
        "Mobile": "phone",
        "Mailing_City": "city",
        "City": "city",
        "Lead_Status": "status",
        "Company": "company",
        "Account_Name": "name",
        "Title": "jobTitle",
        "Created_Time": "createdAt",
        "Modified_Time": "updatedAt",
    }
    SORTS = ("id", "Last_Name", "First_Name", "Email", "Phone", "Created_Time", "Modified_Time", "Company")

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def one(self) -> Question:
        """A question."""
        module = self._dice.choice(("Contacts", "Leads"))
        named = {field.name for field in MODULES[module].fields.fields}
        match self._dice.choice(("list", "criteria", "criteria", "email", "phone", "deleted")):
            case "list":
                sort = self._dice.choice([name for name in self.SORTS if name == "id" or name in named])
                order = self._dice.choice(("asc", "desc"))
                page = self._dice.choice((1, 1, 2, 5))
                path = f"/crm/v2/{module}?sort_by={sort}&sort_order={order}&page={page}"
            case "criteria":
                conditions = [self._condition(named) for _ in range(self._dice.choice((1, 2)))]
                word = self._dice.choice(("and", "or"))
                criteria = word.join(f"({each})" for each in conditions)
                path = f"/crm/v2/{module}/search?criteria=({criteria})"
            case "email":
                path = f"/crm/v2/{module}/search?email={self._dice.choice(VALUES['email'])}"
            case "phone":
                path = f"/crm/v2/{module}/search?phone={self._dice.choice(VALUES['phone']).replace('+', '%2B')}"
            case _:
                path = f"/crm/v2/{module}/deleted"
        return Question(f"zoho {path}", "GET", path)

    def _condition(self, named: set[str]) -> str:
        name = self._dice.choice(sorted(named & self.FIELDS.keys() - {"Account_Name"}))
        value = self._dice.choice(VALUES[self.FIELDS[name]])
        word = "equals"
        if not name.endswith("_Time") and name not in ("Phone", "Mobile"):
            word = self._dice.choice(("equals", "equals", "starts_with", "in"))
        return f"{name}:{word}:{value}"


class Explained:
    """An application whose statements are explained.

    Attributes:
        client: speaks to it.
    """

    def __init__(self, client: httpx.AsyncClient, connection: asyncpg.Connection, seen: list[Any]) -> None:
        self.client = client
        self._connection = connection
        self._seen = seen
        self.headers: dict[str, dict[str, str]] = {}

    async def cost(self, question: Question) -> Cost:
        """What a question costs, authorization left out.

        Raises:
            RuntimeError: it was refused.
        """
        self._seen.clear()
        headers = self.headers["zoho" if question.path.startswith("/crm") else "graphql"]
        answer = await self.client.request(question.method, question.path, json=question.body, headers=headers)
        if answer.status_code >= 300 or '"errors"' in answer.text:
            raise RuntimeError(f"{question.text}: {answer.status_code} {answer.text[:300]}")
        cost = Cost()
        for sql, values in list(self._seen):
            cost.statements += 1
            plan = await self._explain(sql, values)
            root = plan["Plan"]
            cost.blocks += root["Shared Hit Blocks"] + root["Shared Read Blocks"]
            cost.milliseconds += plan["Execution Time"]
            cost.plans.append(" ".join(_steps(root)))
        return cost

    async def _explain(self, sql: str, values: Sequence[Any]) -> dict[str, Any]:
        await self._connection.execute("DEALLOCATE ALL")
        await self._connection.execute(f"PREPARE asked AS {sql}")
        given = f"({', '.join(map(_literal, values))})" if values else ""
        text = await self._connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked{given}")
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
async def explained(settings: Settings, *, email: str, password: str, zoho: dict[str, str]) -> AsyncIterator[Explained]:
    """The application over a database, signed in at both doors."""
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test", timeout=120) as client,
    ):
        login = "mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { accessToken } }"
        given = {"query": login, "variables": {"e": email, "p": password}}
        token = (await client.post("/graphql", json=given)).json()["data"]["login"]["accessToken"]
        form = {"grant_type": "refresh_token", **zoho}
        zoho_token = (await client.post("/oauth/v2/token", data=form)).json()["access_token"]
        pool = app.state.core.db.pool
        seen: list[Any] = []
        execute = pool.execute

        async def noted(connection: Any, sql: str, values: Sequence[Any]) -> Any:
            if not _IS_AUTHORIZATION.search(sql):
                seen.append((sql, list(values)))
            return await execute(connection, sql, values)

        pool.execute = noted
        connection = await asyncpg.connect(settings.database_url)
        await connection.execute("SET plan_cache_mode = force_generic_plan; SET jit = off")
        try:
            found = Explained(client, connection, seen)
            found.headers = {
                "graphql": {"authorization": f"Bearer {token}"},
                "zoho": {"authorization": f"Zoho-oauthtoken {zoho_token}"},
            }
            yield found
        finally:
            await connection.close()


_IS_AUTHORIZATION = re.compile(r"^SELECT[^;]*FROM (session|legacy_client|credential|staff)\b")


def questions(seed: int, count: int, ids: dict[str, tuple[str, str, str]]) -> list[Question]:
    """So many questions, the same for the same seed."""
    dice = random.Random(seed)
    makers = (GraphQuestions(dice, ids), GraphQuestions(dice, ids), ZohoQuestions(dice))
    return [dice.choice(makers).one() for _ in range(count)]


def grew(small: Cost, large: Cost, *, slack: int) -> bool:
    """Whether a question reads more of the large table than of the small one.

    Args:
        slack: so many blocks are no growth.
    """
    return large.blocks > 2 * small.blocks + slack


async def ids_of(url: str) -> dict[str, tuple[str, str, str]]:
    """{field: ids that many, few and no records name} of one store."""
    connection = await asyncpg.connect(url)
    try:
        hot = await connection.fetchval("SELECT min(id) FROM account")
        few = await connection.fetchval("SELECT account_id FROM contact WHERE account_id <> $1 LIMIT 1", hot)
        staff = await connection.fetchval("SELECT min(id) FROM staff")
    finally:
        await connection.close()
    accounts = (f"acc_{hot}", f"acc_{few}", "acc_1")
    return {"account": accounts, "parent": accounts, "owner": (f"usr_{staff}", f"usr_{staff}", "usr_1")}


@dataclass(frozen=True, slots=True)
class Found:
    """A cliff: a question, and what is wrong with its answer."""

    question: Question
    what: str


async def search(
    stores: tuple[Any, Any], seed: int, count: int, *, slack: int, milliseconds: float | None = None
) -> tuple[list[Found], list[Found], int]:
    """Ask both stores.

    Args:
        stores: (settings, arguments of `explained`) of the small one and of the large one.
        slack: see `grew`.
        milliseconds: above which a question is slow; None where nobody looks at the time.

    Returns:
        What was found, what is known of it, how many were asked.
    """
    found: list[Found] = []
    known: list[Found] = []
    costs: list[list[Cost]] = []
    asked: list[Question] = []
    for settings, access in stores:
        ids = await ids_of(settings.database_url)
        asked = questions(seed, count, ids)
        async with explained(settings, **access) as application:
            costs.append([await application.cost(question) for question in asked])
    for question, small, large in zip(asked, *costs, strict=True):
        wrong = []
        if grew(small, large, slack=slack):
            wrong.append(f"{small.blocks:,} blocks of the small store, {large.blocks:,} of the large one")
        if milliseconds is not None and large.milliseconds > milliseconds:
            wrong.append(f"{large.milliseconds:.0f} ms")
        if small.statements != large.statements:
            wrong.append(f"{small.statements} statements, and {large.statements}")
        if wrong:
            (found if question.reason is None else known).append(Found(question, "; ".join(wrong)))
    return found, known, len(asked)


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
    stores = []
    for contacts in (options.small, options.large):
        size = Size(max(20, contacts // 15), contacts, contacts // 3)
        store = await on_postgres(cluster, size, tell, skewed=True)
        given = {key.removeprefix("CRMGRAPH_").lower(): value for key, value in environment(store.url).items()}
        settings = Settings(**{**given, "run_jobs": False, "log_level": "error"})  # type: ignore[arg-type]  # read from text
        stores.append((settings, {"email": STAFF_EMAIL, "password": PASSWORD, "zoho": store.clients["zoho"]}))
    began = time.perf_counter()
    found, known, asked = await search(
        (stores[0], stores[1]), options.seed, options.count, slack=30_000, milliseconds=50
    )
    say = sys.stdout.write
    say(f"{asked} questions in {time.perf_counter() - began:.0f} s: {len(found)} cliffs, {len(known)} that are known\n")
    for title, each in (("Cliffs", found), ("Known", known)):
        say(f"\n{title}\n")
        for one in each:
            reason = f" ({one.question.reason})" if one.question.reason else ""
            say(f"- {one.question.text}\n  {one.what}{reason}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
