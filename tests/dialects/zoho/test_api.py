"""Who is let in, and what is answered where there is nothing: always in Zoho's words."""

import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import pytest

from crmgraph.crm.identity import clients
from crmgraph.db.database import Database
from crmgraph.dialects.zoho import mounts, unique_fields
from tests.conftest import Running, serving, settings_for, statements
from tests.dialects.zoho.conftest import LEAD, Program

MODULE = (400, "INVALID_MODULE")
METHOD = (400, "INVALID_REQUEST_METHOD")
PATTERN = (404, "INVALID_URL_PATTERN")
BODY = (400, "INVALID_DATA")


async def outcome(program: Program, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
    answer = await program.send(method, path, body, **options)
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    assert answer.content.endswith(b'"status":"error"}\n')
    assert set(answer.json()) == {"code", "details", "message", "status"}
    return answer.status_code, answer.json()["code"]


async def test_what_is_not_there_is_answered_in_zohos_words(zoho: Program) -> None:
    for method, path, expected in (
        ("GET", "", PATTERN),
        ("GET", "/", PATTERN),
        ("GET", "/Lead", MODULE),
        ("GET", "/lead", MODULE),
        ("GET", "/Deals/5", MODULE),
        ("GET", "/Deals/5/Notes/6/7", MODULE),
        ("POST", "/docs", MODULE),
        ("GET", "/openapi.json", MODULE),
        ("GET", "/Leads/five", PATTERN),
        ("GET", "/Leads/5/Deals", BODY),
        ("GET", "/leads/5/deals", BODY),
        ("PUT", "/Accounts/5/Deals/6", BODY),
        ("POST", "/Contacts/5/Attachments", BODY),
        ("GET", "/Contacts/5/Contacts", BODY),
        ("GET", "/Accounts/5/Contacts/6", BODY),
        ("POST", "/Accounts/5/Contacts", METHOD),
        ("GET", "/Leads/5/Notes/five", PATTERN),
        ("POST", "/coql", PATTERN),
        ("POST", "/actions/watch", PATTERN),
        ("GET", "/functions/f/actions/execute", PATTERN),
        ("POST", "/files", PATTERN),
        ("GET", "/taxes", PATTERN),
        ("POST", "/Leads/actions/mass_update", PATTERN),
        ("POST", "/Leads/actions/add_tags", PATTERN),
        ("POST", "/Leads/5/actions/add_tags", PATTERN),
        ("GET", "/Leads/5/actions/blueprint", PATTERN),
        ("GET", "/org/currencies", PATTERN),
        ("GET", "/settings/tags", PATTERN),
        ("GET", "/settings/custom_views", PATTERN),
        ("GET", "/settings/related_lists", PATTERN),
        ("GET", "/settings/roles", PATTERN),
        ("GET", "/Leads//photo", PATTERN),
        ("GET", "/settings/layouts", PATTERN),
        ("POST", "/Contacts/5/actions/convert", PATTERN),
        ("COPY", "/Leads", METHOD),
        ("PATCH", "/Leads", METHOD),
        ("OPTIONS", "/Leads", METHOD),
        ("TRACE", "/nothing", METHOD),
        ("POST", "/users", METHOD),
        ("PUT", "/Leads/search", METHOD),
        ("DELETE", "/settings/modules", METHOD),
        ("POST", f"/Leads/{LEAD}", METHOD),
        ("GET", "/settings/modules/Deals", MODULE),
        ("GET", "/settings/fields?module=Nothing", MODULE),
    ):
        assert (path, await outcome(zoho, method, path)) == (path, expected)
    head = await zoho.send("HEAD", "/Leads")
    assert head.status_code == 400


async def test_the_accounts_server_answers_in_zohos_words_too(demo: Running) -> None:
    for method, path, expected in (
        ("GET", "/oauth/v2", PATTERN),
        ("POST", "/oauth/v2/tokens", PATTERN),
        ("GET", "/oauth/v2/token", METHOD),
        ("COPY", "/oauth/v2/token", METHOD),
    ):
        answer = await demo.client.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == expected


async def test_nobody_comes_in_without_a_token_that_is_good(demo: Running) -> None:
    good = demo.credentials["zoho"]["access_token"]
    failed, invalid = (401, "AUTHENTICATION_FAILURE"), (401, "INVALID_TOKEN")
    for headers, expected in (
        ([], failed),
        ([("Authorization", "")], failed),
        ([("Authorization", "Bearer")], invalid),
        ([("Authorization", "Zoho-oauthtoken nobody")], invalid),
        ([("Authorization", f"Basic {good}")], invalid),
        ([("Authorization", demo.credentials["zoho"]["refresh_token"])], invalid),
        ([("Authorization", f"Zoho-oauthtoken {good}")], None),
        ([("Authorization", f"zoho-oauthtoken  {good}")], None),
        ([("Authorization", f"Bearer {good}")], None),
        ([("Authorization", good)], None),
        ([("Authorization", "Bearer nobody"), ("Authorization", good)], None),
        ([("Authorization", f"Bearer {good}"), ("Authorization", "{{authorization-token}}")], None),
        ([("Authorization", f"Bearer nobody, Zoho-oauthtoken {good}")], None),
    ):
        for method in ("GET", "POST"):  # a program asks for users by POST, to be told by 401 to refresh its token
            answer = await demo.client.request(method, "/crm/v2/users?type='AllUsers'", headers=headers)
            if expected is not None:
                assert (answer.status_code, answer.json()["code"]) == expected
            else:
                assert answer.status_code == (200 if method == "GET" else 400)


async def test_a_token_does_no_more_than_it_was_granted(demo: Running) -> None:
    client_id = await _client_id(demo)
    mismatch = 401

    async def statuses(*grants: str) -> list[int]:
        # Grants of a token only ever narrow those of its client.
        token = await clients.issue(demo.db, client_id, "access", seconds=60, grants=grants)
        program = Program(demo, token)
        requests: tuple[tuple[str, str, Any], ...] = (
            ("GET", "/Leads?ids=5", None),
            ("GET", "/Contacts?ids=5", None),
            ("PUT", f"/Leads/{LEAD}", {"data": [{}]}),
            ("DELETE", "/Leads?ids=5", None),
            ("GET", "/settings/fields?module=Deals", None),
            ("GET", "/org", None),
        )
        return [(await program.send(*request)).status_code for request in requests]

    assert await statuses() == [mismatch] * 6
    assert await statuses("ZohoCRM.modules.ALL") == [204, 204, 200, 202, mismatch, mismatch]
    assert await statuses("ZohoCRM.settings.ALL", "ZohoCRM.org.ALL") == [mismatch] * 4 + [204, 200]
    for grants, expected in (
        ({"ZohoCRM.modules.leads.READ"}, [204, mismatch, mismatch, mismatch, mismatch, mismatch]),
        ({"zohocrm.modules.Leads.all"}, [204, mismatch, 200, 202, mismatch, mismatch]),
        ({"ZohoCRM.modules.WRITE"}, [mismatch, mismatch, 200, mismatch, mismatch, mismatch]),
        ({"ZohoCRM.modules.leads.UPDATE"}, [mismatch, mismatch, 200, mismatch, mismatch, mismatch]),
        ({"ZohoCRM.settings.fields.READ"}, [mismatch, mismatch, mismatch, mismatch, 204, mismatch]),
    ):
        await _grant(demo, client_id, grants)
        assert await statuses(*grants) == expected


async def _client_id(demo: Running) -> int:
    actor = await clients.actor_of_client(demo.db, clients.Door.ZOHO, demo.credentials["zoho"]["access_token"])
    assert actor.client_id is not None
    return actor.client_id


async def _grant(demo: Running, client_id: int, grants: set[str]) -> None:
    async with demo.db.begin() as session:
        client = await session.get(clients.LegacyClient, client_id)
        assert client is not None
        client.grants = sorted(grants)


async def test_answers_tell_when_the_token_expires(demo: Running) -> None:
    token = await clients.issue(demo.db, await _client_id(demo), "access", seconds=100)
    answer = await Program(demo, token).send("GET", "/Leads")
    left = dt.datetime.fromisoformat(answer.headers["x-accesstoken-reset"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(seconds=90) < left <= dt.timedelta(seconds=100)


async def test_no_body_is_bad_enough_for_a_fault_of_ours(zoho: Program) -> None:
    deep = b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for body in (
        b"",
        b"null",
        b"5",
        b'"x"',
        b"true",
        b"[]",
        b"\xff\xfe",
        b'{"data"',
        b'{"data":[{"Last_Name":"\\ud800"}]}',
        deep,
        gzip.compress(b'{"data":[{"Last_Name":"x"}]}'),
    ):
        for method, path in (("POST", "/Leads"), ("PUT", f"/Leads/{LEAD}"), ("POST", "/Notes")):
            assert await outcome(zoho, method, path, body) == BODY
    for data in (None, 5, {}, [], "x", [{}] * 101):
        assert await outcome(zoho, "POST", "/Contacts", {"data": data}) == BODY
    assert await outcome(zoho, "POST", "/Contacts", {}) == (400, "MANDATORY_NOT_FOUND")
    assert await outcome(zoho, "PUT", f"/Leads/{LEAD}", {"data": [{}, {}]}) == BODY


async def test_no_row_is_bad_enough_for_a_fault_of_ours(zoho: Program) -> None:
    rows: list[Any] = [
        None,
        [],
        "x",
        {"Last_Name": None},
        {"Last_Name": []},
        {"Last_Name": "x\x00"},
        {"Last_Name": "x" * 2000},
        {"Last_Name": "x", "No_of_Employees": 2**63},
        {"Last_Name": "x", "No_of_Employees": 1.5},
        {"Last_Name": "x", "Annual_Revenue": 1e300},
        {"Last_Name": "x", "Annual_Revenue": {}},
        {"Last_Name": "x", "Email_Opt_Out": "false"},
        {"Last_Name": "x", "Email": "nobody"},
        {"Last_Name": "x", "Mobile": 98883434559},
        {"Last_Name": "x", "Owner": "nobody"},
        {"Last_Name": "x", "Owner": {"id": 738964000002148061}},
        {"Last_Name": "x", "Owner": {"id": "9" * 30}},
        {"Last_Name": "x", "Owner": [1]},
        {"Last_Name": "x", "Custom": "y\x00"},
        {"Last_Name": "x", "Custom": "z" * 100_000},
        {"Last_Name": "x", "a" * 300: {"b": [{"c": 18446744073709551615}]}},
    ]
    answer = await zoho.send("POST", "/Leads", {"data": rows})
    assert answer.status_code == 202
    assert [row["status"] for row in answer.json()["data"]] == ["error"] * len(rows)
    ids: list[Any] = [5, "five", "9" * 30, -1, 1.5, True, [1], {"id": 1}, "738964000002148061x", 0]
    answer = await zoho.send("PUT", "/Leads", {"data": [{"id": i, "Last_Name": "x"} for i in ids]})
    codes = {(row["code"], row["message"]) for row in answer.json()["data"]}
    assert codes == {("INVALID_DATA", "the id given seems to be invalid")}


async def test_no_query_is_bad_enough_for_a_fault_of_ours(zoho: Program) -> None:
    for query, expected in (
        ("page=-1", BODY),
        ("per_page=0", BODY),
        ("page=x", BODY),
        ("page=99999999999999999999", BODY),
        ("per_page=-1", BODY),
        ("sort_by=Full_Name", BODY),
        ("sort_by=Custom", BODY),
        ("sort_by=Tag", BODY),
        ("sort_by=last_name", BODY),
        ("sort_by=Last_Name&sort_order=up", BODY),
        ("sort_order=descending", BODY),
        ("cvid=738964000000087501", BODY),
        ("territory_id=5", BODY),
        ("include_child=true", BODY),
        ("uid=5", BODY),
        ("startDateTime=2021-05-11T12:52:29%2B00:00", BODY),
        ("converted=perhaps", BODY),
        ("approved=1", BODY),
        ('sort_by=a"b', (400, "INVALID_QUERY")),
        ("sort_by=a%00b", (400, "INVALID_QUERY")),
    ):
        assert (query, await outcome(zoho, "GET", f"/Leads?{query}")) == (query, expected)
    for query, status in (
        ("page=999999999999", 204),
        ("ids=five,%00," + "9" * 40, 204),
        ("fields=%00,nothing", 200),
        ("per_page=5000", 200),
        ("page=0", 200),
        ("converted=Both&approved=&include_child=false&cvid=", 200),
        ("sort_by=Last_Name&sort_order=ASC", 200),
    ):
        assert (query, (await zoho.send("GET", f"/Leads?{query}")).status_code) == (query, status)
    for since in ("yesterday", "2021-13-45T00:00:00Z", "9999-12-31T23:59:59-23:59", "Thu, 32 Foo"):
        answer = await zoho.send("GET", "/Leads", headers={"If-Modified-Since": since})
        assert answer.status_code == 200


async def test_a_body_that_is_too_long_is_not_read(zoho: Program) -> None:
    limit = zoho.running.core.max_body_bytes
    assert await outcome(zoho, "POST", "/Leads", b" " * (limit + 1)) == (413, "LIMIT_EXCEEDED")


async def test_the_database_being_away_is_an_internal_error_everywhere(tmp_path: Path) -> None:
    # The discard port: nobody serves a database there.
    async with serving(settings_for("postgresql://nobody@127.0.0.1:9/nothing", tmp_path)) as (client, _):
        for method, path in (("GET", "/crm/v2/Leads"), ("PUT", "/crm/v2/Leads/5"), ("POST", "/oauth/v2/token")):
            form = {"grant_type": "refresh_token", "client_id": "x"}
            answer = await client.request(method, path, headers={"Authorization": "Bearer x"}, params=form)
            assert answer.status_code == 500
            assert answer.content == (
                b'{"code":"INTERNAL_ERROR","details":{},"message":"Internal server error occurred.","status":"error"}\n'
            )


async def test_only_fields_that_there_are_can_be_unique(demo: Running) -> None:
    for name in ("Lead.Mobile", "Leads.Nothing", "Leads.Full_Name", "Leads"):
        with pytest.raises(ValueError, match="no field"):
            mounts(demo.core, unique=unique_fields([name]))


async def test_a_list_costs_the_same_statements_however_long_it_is(zoho: Program) -> None:
    counts = []
    for per_page in (1, 4):
        with statements(zoho.running.db) as seen:
            await zoho.send("GET", f"/Contacts?per_page={per_page}")
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 13


async def test_a_row_of_a_bulk_write_costs_the_same_statements_however_many_there_are(zoho: Program) -> None:
    def cost(method: str, path: str) -> Any:
        async def count(rows: list[dict[str, Any]]) -> int:
            with statements(zoho.running.db) as seen:
                answer = await zoho.send(method, path, {"data": rows})
            assert answer.status_code < 202, answer.text
            ids.extend(row["details"]["id"] for row in answer.json()["data"])
            return len(seen)

        return count

    ids: list[str] = []
    create, update = cost("POST", "/Leads"), cost("PUT", "/Leads")
    made = iter(range(10**9, 10**10))

    def rows(count: int) -> list[dict[str, Any]]:
        return [
            {"Last_Name": f"Row {i}", "Mobile": str(next(made)), "Email": "a@b.example", "City": "X"}
            for i in range(count)
        ]

    one, ten, hundred = [await create(rows(n)) for n in (1, 10, 100)]
    assert (hundred - one) == (ten - one) * 11
    assert (ten - one) / 9 <= 16
    two, ten, hundred = [await update([{"id": i, "City": f"Y{n}"} for i in ids[:n]]) for n in (2, 10, 100)]
    assert (hundred - two) * 8 == (ten - two) * 98
    assert (ten - two) / 8 <= 6
    # One record by itself needs no transaction where one statement can write all of it.
    assert await update([{"id": ids[0], "City": "Z"}]) == (11 if zoho.running.db.is_sqlite else 3)
    # Of a caller who was here before, who holds the token is asked by the statement that writes.
    by_itself = cost("PUT", f"/Leads/{ids[0]}")
    assert await by_itself([{"City": "W"}]) == (11 if zoho.running.db.is_sqlite else 2)


@pytest.mark.parametrize("query", ["page=x", "per_page=0", "sort_order=up"])
async def test_the_contacts_of_no_account_are_asked_for_as_those_of_one(zoho: Program, query: str) -> None:
    assert await outcome(zoho, "GET", f"/Accounts/5/Contacts?{query}") == (400, "INVALID_DATA")
    assert (await zoho.send("GET", "/Accounts/5/Contacts")).status_code == 204


async def test_a_change_that_names_nothing_opens_no_session(zoho: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    # On SQLite a change is a transaction.
    monkeypatch.delattr(Database, "reading_session")
    answer = await zoho.send("PUT", f"/Leads/{LEAD}", {"data": [{"City": "Z"}]})
    assert (answer.status_code, answer.json()["data"][0]["code"]) == (200, "SUCCESS")
