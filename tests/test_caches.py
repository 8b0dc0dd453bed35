"""What is remembered is bounded, in bytes where clients choose its length; the last to be asked for stay."""

import itertools
import tracemalloc
from pathlib import Path
from typing import Any

import jwt
import pytest
from graphql import parse
from sqlalchemy import Select, bindparam, literal, select

from crmgraph import security
from crmgraph.crm.identity import identity
from crmgraph.crm.models import PartyKind, Role
from crmgraph.crm.values.text import MAX_EMAIL, is_email
from crmgraph.db import database as databases
from crmgraph.db.database import Database
from crmgraph.db.pool import STATEMENT_OVERHEAD
from crmgraph.graph.compiled import kept, mutations, roots
from crmgraph.graph.documents import preparation
from crmgraph.graph.documents.limits import MAX_CHARACTERS, MAX_TOKENS
from crmgraph.graph.documents.preparation import KEPT_BYTES, TOKEN_BYTES, digest_of
from crmgraph.http import cycle
from crmgraph.security import Keys
from tests.conftest import serving, settings_for, statements
from tests.graph.conftest import Caller, hired, put

MEBIBYTE = 2**20


class Statements:
    """Asks a database for statements by their number, and notes which of them are built."""

    def __init__(self, db: Database, *, chosen: bool, padding: int = 0) -> None:
        self.db = db
        self.chosen = chosen
        self.padding = padding
        self.built: list[int] = []

    async def ask(self, *numbers: int) -> list[int]:
        """Those that were built."""
        self.built.clear()
        for number in numbers:
            rows = await self.db.fetch_compiled(number, lambda n=number: self.build(n), {"n": 1}, chosen=self.chosen)
            assert [tuple(row) for row in rows] == [(number + 1,)]
        return [*self.built]

    def build(self, number: int) -> Select[Any]:
        self.built.append(number)
        return select((literal(number) + bindparam("n")).label(f"n{number}" + "x" * self.padding))


async def test_a_statement_that_was_asked_for_longest_ago_is_built_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "KEPT_STATEMENTS", 2)
    db = Database(database)
    try:
        own = Statements(db, chosen=False)
        assert await own.ask(1, 2, 1, 3, 1) == [1, 2, 3]
        assert await own.ask(2) == [2]
    finally:
        await db.close()


async def test_statements_that_clients_choose_stay_within_so_many_bytes_and_push_out_no_others(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two of them and no third, which takes its text four times on top.
    monkeypatch.setattr(databases, "CHOSEN_BYTES", 3 * STATEMENT_OVERHEAD)
    db = Database(database)
    try:
        own, chosen, long = (
            Statements(db, chosen=False),
            Statements(db, chosen=True),
            Statements(db, chosen=True, padding=STATEMENT_OVERHEAD),
        )
        assert await own.ask(1, 2, 3) == [1, 2, 3]
        assert await chosen.ask(1, 2, 1, 3, 1) == [1, 2, 3]
        assert await chosen.ask(2) == [2]
        if db.is_sqlite:  # PostgreSQL cuts a name off at 63 bytes
            assert await long.ask(4, 4) == [4, 4]
            assert await chosen.ask(1, 2) == []
        assert await own.ask(1, 2, 3) == []
    finally:
        await db.close()


async def test_a_plan_whose_statement_is_larger_than_all_may_be_is_answered_as_ever(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "OPERATION_BYTES", STATEMENT_OVERHEAD)
    async with serving(settings_for(database, tmp_path)) as (client, app):
        agent = await hired(app.state.core, Caller(client), "agent@example.com", Role.AGENT)
        await put(app.state.core, PartyKind.CONTACT, {"last_name": "Ray"})
        for _ in range(2):
            with statements(app.state.core.db) as seen:
                assert await agent("{ contacts { nodes { lastName } } }") == {
                    "contacts": {"nodes": [{"lastName": "Ray"}]}
                }
        assert len(seen) == 1


SWITCHED = """query($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!) { contacts { nodes {
  id @include(if: $a) number @skip(if: $b) ... @include(if: $c) { lastName firstName @skip(if: $d) } } } }"""
PLAIN = "{ contacts { nodes { lastName } } }"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many root fields each statement of a query has that was built."""
    found: list[int] = []
    build = roots.statement

    def noted(builder: Any, selected: Any) -> Any:
        found.append(len(selected))
        return build(builder, selected)

    monkeypatch.setattr(roots, "statement", noted)
    return found


async def test_what_switches_turn_one_document_into_pushes_out_no_other(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: list[int]
) -> None:
    document = 4 * len(SWITCHED) + TOKEN_BYTES * parse(SWITCHED).token_count
    # Four of its plans with their statements, and room for it and for the other document.
    monkeypatch.setattr(kept, "OPERATION_BYTES", 10 * document)
    monkeypatch.setattr(kept, "KEPT_BYTES", 16 * document)
    async with serving(settings_for(database, tmp_path)) as (client, app):
        agent = await hired(app.state.core, Caller(client), "agent@example.com", Role.AGENT)
        for _ in range(2):  # who has been here before is verified by the statement
            await agent(PLAIN)
        built.clear()
        for switches in itertools.product((True, False), repeat=4):
            await agent(SWITCHED, **dict(zip("abcd", switches, strict=True)))
        # Four times three: where nothing of the fragment is taken, `d` changes nothing.
        assert len(built) == 12
        built.clear()
        await agent(PLAIN)
        await agent(SWITCHED, a=False, b=False, c=False, d=False)
        assert built == []  # the one was not pushed out, and the other was asked for last
        await agent(SWITCHED, a=True, b=True, c=True, d=True)
        assert built == [1]  # it had to give way to others of its document


async def test_documents_stay_within_so_many_bytes(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def noted(text: str, **options: Any) -> Any:
        parsed.append(text)
        return parse(text, **options)

    monkeypatch.setattr(preparation, "parse", noted)
    text = "{ %s: __typename }"
    one, two, three = (text % name for name in "abc")
    monkeypatch.setattr(preparation, "KEPT_BYTES", 2 * (4 * len(one) + TOKEN_BYTES * parse(one).token_count))
    async with serving(settings_for(database, tmp_path)) as (client, _):
        nobody = Caller(client)
        for each in (one, two, one, three, one, two):
            await nobody(each)
    assert parsed == [one, two, three, two]


def test_the_largest_document_and_its_plans_are_remembered() -> None:
    largest = 4 * MAX_CHARACTERS + TOKEN_BYTES * MAX_TOKENS
    assert largest <= KEPT_BYTES
    assert 2 * largest <= min(kept.OPERATION_BYTES, mutations.PLAN_BYTES)
    assert largest + kept.OPERATION_BYTES <= kept.KEPT_BYTES


def test_so_many_tokens_are_remembered_whose_signature_held(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    decode = jwt.decode

    def noted(token: str, *rest: Any, **options: Any) -> Any:
        decoded.append(token)
        return decode(token, *rest, **options)

    monkeypatch.setattr("jwt.decode", noted)
    monkeypatch.setattr(security, "KEPT_TOKENS", 2)
    keys = Keys("a secret of thirty-two characters")
    one, two, three = (keys.sign({"sub": name, "exp": 2**40}) for name in "abc")
    for token in (one, two, one, three, one, two):
        keys.read(token)
    assert decoded == [one, two, three, two]


async def test_so_many_callers_are_known_again(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "KEPT_ACTORS", 2)
    async with serving(settings_for(database, tmp_path)) as (client, app):
        core = app.state.core
        one, two, three = [
            await hired(core, Caller(client), f"{name}@example.com", Role.AGENT) for name in ("one", "two", "three")
        ]
        counts = []
        for caller in (one, two, one, three, one, two):
            with statements(core.db) as seen:
                await caller("{ contacts { nodes { id } } }")
            counts.append(len(seen))
    # One who is not known is looked for before anything is read.
    assert counts == [2, 2, 1, 2, 1, 2]


def test_a_text_is_known_by_sixteen_bytes() -> None:
    assert len(digest_of("x" * 100_000)) == 16
    assert digest_of("a") != digest_of("b") and digest_of("\ud800") != digest_of("?")


@pytest.mark.parametrize(
    "text",
    [
        "{ me { " + "id " * (MAX_TOKENS - 10) + "} }",
        "{ contacts(filter: {lastName: {in: [" + '"a" ' * 1_000 + "]}}) { totalCount } }",
        "{ contacts(filter: {or: [" + '{lastName: {eq: "a"}} ' * 100 + "]}) { totalCount } }",
        "{ me { id } }" + "\n# padded" * 3_900,
        "{ me { id } } #" + "x" * 90_000,
        '{ contact(by: {id: "' + "\u00fc" * 90_000 + '"}) { id } }',
    ],
)
def test_a_document_takes_no_more_than_is_reckoned(text: str) -> None:
    tracemalloc.start()
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken <= 4 * len(text) + TOKEN_BYTES * document.token_count


def test_what_is_too_long_for_an_email_is_not_remembered() -> None:
    longest = "a@" + "b" * (MAX_EMAIL - 6) + ".com"
    tracemalloc.start()
    try:
        for n in range(200):
            assert not is_email(f"{n}" + "x" * 200_000 + "@example.com")
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < MEBIBYTE
    assert not is_email(longest + "m")


def test_lines_of_headers_are_kept_within_a_bound() -> None:
    for number in range(3 * cycle._KEPT_LINES):  # noqa: SLF001 - bounded by itself
        name, line = cycle._checked((b"X-Request-ID", b"%d" % number)) or (b"", b"")  # noqa: SLF001 - as above
        assert (name, line) == (b"x-request-id", b"x-request-id: %d\r\n" % number)
        assert len(cycle._lines) <= cycle._KEPT_LINES  # noqa: SLF001 - as above
    kept = dict(cycle._lines)  # noqa: SLF001 - as above
    assert cycle._checked((b"link", b"x" * cycle._KEPT_BYTES)) is not None  # noqa: SLF001 - too long to be kept
    assert cycle._checked((b"link", b"a\r\nset-cookie: b")) is None  # noqa: SLF001 - none of HTTP
    assert cycle._lines == kept  # noqa: SLF001 - as above
