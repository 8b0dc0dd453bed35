"""The gateway before the services: paths, methods, headers, tokens, bodies, and faults of ours."""

import base64
import datetime as dt
import itertools
import json
import re
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from crmgraph.crm import errors
from crmgraph.crm.models import Door
from crmgraph.dialects.covalense import openapi
from crmgraph.dialects.covalense.errors import WORDS, worded
from crmgraph.dialects.covalense.handlers import profile
from crmgraph.security import Keys
from tests.conftest import Running, statements
from tests.dialects.covalense.conftest import (
    DOWNSTREAM,
    HEADERS,
    RAVI,
    YOGESH,
    Portal,
    bad_request,
    client_error,
    result,
)

ALL = (
    ("POST", "login", ("type",)),
    ("POST", "signup", ()),
    ("POST", "signup/kyc", ("type", "Data")),
    ("GET", "profile/contact", ("token",)),
    ("PUT", "profile/contact", ("token",)),
    ("POST", "profile/password/forgot", ()),
    ("PUT", "profile/password/change", ("token",)),
    ("PUT", "profile/account", ("token", "email")),
    ("PUT", "profile/image", ("token",)),
)
WITH_TOKEN = [(method, path) for method, path, more in ALL if "token" in more]
WITH_BODY = [(method, path) for method, path, _ in ALL if method != "GET" and path != "signup/kyc"]


async def test_missing_headers_are_named_in_order_before_all_else(client: httpx.AsyncClient) -> None:
    for method, path, more in ALL:
        names = [*HEADERS, *more]
        for i, name in enumerate(names):
            given = dict.fromkeys(names[:i], "anything")
            answer = await client.request(method, f"/crm/v1/{path}", headers=given, content=b"{no json")
            assert answer.status_code == 400
            assert answer.text == client_error(400, "400 BAD_REQUEST", f"Header '{name}' not present in the request.")


async def test_the_names_of_headers_have_no_case_and_their_values_are_not_checked(portal: Portal) -> None:
    token = await portal.login(YOGESH)
    given = {"CORRELATIONID": "", "SrDate": "31-31-31", "SOURCE": "é".encode(), "Destination": "x", "OPERATION": "?"}
    answer = await portal.client.get("/crm/v1/profile/contact", headers={**given, "Token": token})
    assert result(answer)["contact_no"] == "CON19195"


NO_TOKENS = [
    ("string", "JWT strings must contain exactly 2 period characters. Found: 0"),
    ("a.b", "JWT strings must contain exactly 2 period characters. Found: 1"),
    ("a.b.c.d", "JWT strings must contain exactly 2 period characters. Found: 3"),
    ("", "JWT String argument cannot be null or empty."),
    ("a.b.c", "Unable to read JSON value."),
]


async def test_a_token_that_is_none_is_refused_in_the_words_of_jjwt(client: httpx.AsyncClient) -> None:
    for method, path in WITH_TOKEN:
        for token, message in NO_TOKENS:
            headers = {**HEADERS, "email": "x", "token": token}
            answer = await client.request(method, f"/crm/v1/{path}", headers=headers, content=b"{no json")
            assert answer.status_code == 401
            assert answer.text == client_error(401, "INVALID_TOKEN", message)


async def test_forged_tokens_and_tokens_of_other_doors_are_refused(demo: Running, portal: Portal) -> None:
    good = await portal.login(YOGESH)
    header, claims, signature = good.split(".")
    other = json.loads(base64.urlsafe_b64decode(claims + "=="))
    other["sub"] = RAVI
    forged = base64.urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip("=")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    login = await demo.core.identity.login(YOGESH, portal.passwords[YOGESH], address="", door=Door.GRAPHQL)
    wrong = (
        "JWT signature does not match locally computed signature. "
        "JWT validity cannot be asserted and should not be trusted."
    )
    malformed = "Unable to read JSON value."
    foreign = Keys("somebody else's secret of the right length").sign_bare(other)
    for token, message in (
        (f"{header}.{forged}.{signature}", wrong),
        (f"{unsigned}.{claims}.", malformed),
        (login.access_token, wrong),
        (foreign, wrong),
        (jwt.encode(other, "an utterly different secret, which is long enough for this algorithm", "HS512"), malformed),
    ):
        answer = await portal.send("GET", "profile/contact", token=token)
        assert answer.text == client_error(401, "INVALID_TOKEN", message)
        assert answer.status_code == 401
    assert result(await portal.send("GET", "profile/contact", token=good))["firstname"] == "Yogesh"


async def test_an_expired_token_is_told_when_it_expired_and_by_how_much(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    claims = jwt.decode(token, options={"verify_signature": False})
    keys = Keys("the secret of the tests, which is long enough")
    expired = keys.sign_bare({**claims, "exp": int(dt.datetime(2020, 5, 13, 4, 11, 32, tzinfo=dt.UTC).timestamp())})
    answer = await portal.send("GET", "profile/contact", token=expired)
    assert answer.status_code == 401
    arguments = answer.json()["response"]["result"]["arguments"]
    assert arguments["errorCode"] == "INVALID_TOKEN"
    said = re.fullmatch(
        r"JWT expired at 2020-05-13T04:11:32Z\. Current time: (\S+), a difference of (\d+) milliseconds\.  "
        r"Allowed clock skew: 0 milliseconds\.",
        arguments["errorMessage"],
    )
    assert said is not None
    late = dt.datetime.fromisoformat(said[1]) - dt.datetime(2020, 5, 13, 4, 11, 32, tzinfo=dt.UTC)
    assert late == dt.timedelta(seconds=int(said[2]) // 1000)


async def test_a_login_that_has_ended_takes_its_token_with_it(demo: Running, portal: Portal) -> None:
    token, other = await portal.login(RAVI), await portal.login(RAVI)
    change = {"passwordOld": portal.passwords[RAVI], "password": "another password"}
    assert result(await portal.send("PUT", "profile/password/change", change, token=token))
    assert result(await portal.send("GET", "profile/contact", token=token))["lastname"] == "emos"
    answer = await portal.send("GET", "profile/contact", token=other)
    assert answer.text == client_error(401, "INVALID_TOKEN", "JWT is no longer valid.")


async def test_an_unknown_path_below_the_prefix_is_not_found_in_the_dialects_envelope(
    client: httpx.AsyncClient,
) -> None:
    unknown = ("", "/", "/nothing", "/login/nothing", "/profile", "//login", "/LOGIN", "/%00", "/ü")
    for method, path in itertools.product(("GET", "POST", "DELETE", "OPTIONS"), unknown):
        answer = await client.request(method, f"/crm/v1{path}")
        assert answer.status_code == 404
        assert answer.text == client_error(404, "404 NOT_FOUND", "Service not found.")


async def test_a_wrong_method_is_told_which_is_right(client: httpx.AsyncClient) -> None:
    for method, path, allowed in (
        ("GET", "login", "POST"),
        ("DELETE", "profile/contact", "GET, PUT"),
        ("PATCH", "profile/image", "PUT"),
        ("OPTIONS", "signup/kyc", "POST"),
    ):
        answer = await client.request(method, f"/crm/v1/{path}")
        assert answer.status_code == 405
        assert answer.headers["allow"] == allowed
        assert answer.text == client_error(405, "405 METHOD_NOT_ALLOWED", f"Request method '{method}' not supported")


async def test_a_slash_at_the_end_is_passed_over(portal: Portal) -> None:
    token = await portal.login(YOGESH)
    assert result(await portal.send("GET", "profile/contact/", token=token))["contact_no"] == "CON19195"


BROKEN: list[tuple[bytes, str]] = [
    (b"{", "Request body is not readable as JSON."),
    (b"\xff\xfe", "Request body is not readable as JSON."),
    (b'{"email": "\\ud800"}', "Request body is not readable as JSON."),
    (b"[" * 100_000, "Request body is not readable as JSON."),
    (b'{"a":' * 100_000, "Request body is not readable as JSON."),
    (b"5", "Request body is not a JSON object."),
    (b"true", "Request body is not a JSON object."),
    (b'"x"', "Request body is not a JSON object."),
    (b"[]", "Request body is not a JSON object."),
]


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_broken_body_is_a_clear_refusal_and_changes_nothing(
    method: str, path: str, demo: Running, portal: Portal
) -> None:
    token = await portal.login(YOGESH)
    before = await _rows(demo)
    for body, message in BROKEN:
        headers = {**HEADERS, "type": "x", "email": "x", "token": token, "Content-Type": "text/html"}
        answer = await portal.client.request(method, f"/crm/v1/{path}", headers=headers, content=body)
        assert (answer.status_code, answer.text) == (400, bad_request(message)), body[:20]
    assert await _rows(demo) == before


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_values_of_every_wrong_type_are_refused_or_passed_over_and_never_a_fault(
    method: str, path: str, portal: Portal
) -> None:
    token = await portal.login(YOGESH)
    names = {
        "email", "password", "passwordOld", "ProfileImage", "acctInfo", "addressInfo", "lineItems", "orderId", "id",
        "firstname", "lastname", "birthday", "phone", "contactNo", "accountId", "roaming", "employees", "donotcall",
        "annual_revenue", "mailingstreet", "dashboardSettings", "ssn", "whatever", "number", "Platform",
    }  # fmt: skip
    values: list[Any] = [None, 0, 1.5, 10**30, True, "", " ", [], {}, [[]], {"a": {"b": []}}, "\x00", "x" * 40_000]
    values += ["2020-02-30", "12x", "11x1", "-1", "NaN", "١٢", "🙂", "\u202e"]
    for value in values:
        for body in (dict.fromkeys(sorted(names), value), {"acctInfo": dict.fromkeys(sorted(names), value)}):
            answer = await portal.send(method, path, body, token=token)
            assert answer.status_code in (200, 400, 429), (value, answer.text)
            assert answer.headers["content-type"] == "application/json"
            assert set(answer.json()) == {"response"}


async def test_a_body_that_is_too_long_is_refused_as_it_arrives(demo: Running, portal: Portal) -> None:
    limit = demo.core.max_body_bytes
    headers = {**HEADERS, "type": "x"}

    async def endless() -> Any:
        for _ in range(limit // 65536 + 2):
            yield b" " * 65536

    for content in (b" " * (limit + 1), endless()):
        answer = await portal.client.post("/crm/v1/login", headers=headers, content=content)
        assert (answer.status_code, answer.text) == (
            400,
            bad_request(f"The request is larger than {limit} bytes."),
        )


async def test_an_unexpected_fault_is_the_documented_server_error_and_tells_nothing(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await portal.login(YOGESH)

    async def broken(*given: object, **named: object) -> None:
        raise RuntimeError(f"a mistake of ours in {given} {named}")

    monkeypatch.setattr(profile, "print_told", broken)
    with capture_logs() as logs:
        answer = await portal.send("GET", "profile/contact", token=token)
    assert (answer.status_code, answer.text) == (500, DOWNSTREAM)
    assert [each["event"] for each in logs if each["event"] != "request"] == ["unexpected fault"]
    assert token not in repr(logs)


async def test_answers_are_not_kept_by_caches_and_not_sniffed(portal: Portal) -> None:
    answer = await portal.send("POST", "login", {"email": RAVI, "password": portal.passwords[RAVI]})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_refusal_of_the_business_is_told_by_its_status() -> None:
    for each in WORDS:
        ours = each is errors.Unavailable
        assert worded(each(("values", "name"))).status // 100 == (5 if ours else 4)
    several = errors.Several([errors.Missing(("first",)), errors.NotFound()])
    assert worded(several) == worded(errors.Missing(("first",)))


def test_the_openapi_document_has_the_nine_services_with_their_headers() -> None:
    document = openapi()
    operations = {
        (method.upper(), path): {each["name"] for each in operation["parameters"]}.union(*operation.get("security", ()))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert operations == {(method, f"/crm/v1/{path}"): {*HEADERS, *more} for method, path, more in ALL}
    contact = document["paths"]["/crm/v1/profile/contact"]["get"]["responses"]["200"]
    envelope = contact["content"]["application/json"]["schema"]["properties"]["response"]
    assert len(envelope["properties"]["result"]["properties"]) == 60


EXPECTED_STATEMENTS = {
    "login": 10,
    "signup": 20,
    "get contact": 2,
    "put contact": 12,
    "put account": 8,
    "put image": 12,
    "forgot": 8,
    "change": 14,
}
ONE_WRITE = {"put contact": 2, "put account": 2, "signup": 12}
"""Where one statement can write records with their rows and the lines of the log."""


async def test_every_service_costs_a_known_number_of_statements(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    account = portal.passwords[YOGESH]
    signup = {
        "AcctInfo": {"Platform": "Postpaid", "LastName": "Doe", "EmailAddress": "doe@example.com", "Phone": "1"},
        "AddressInfo": {"City": "Bengaluru"},
        "Password": "a password of ten",
    }
    picture = (
        "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGM8ISfHwMDAxMDAwMDAAAANBAEIfXHKZgAAAABJRU5ErkJggg=="
    )
    calls: dict[str, tuple[str, str, Any]] = {
        "login": ("POST", "login", {"email": YOGESH, "password": account}),
        "signup": ("POST", "signup", signup),
        "get contact": ("GET", "profile/contact", None),
        "put contact": ("PUT", "profile/contact", {"firstname": "Yogi", "mobile": "99"}),
        "put account": ("PUT", "profile/account", {"news": "1"}),
        "put image": ("PUT", "profile/image", {"ProfileImage": picture}),
        "forgot": ("POST", "profile/password/forgot", {"email": RAVI}),
        "change": ("PUT", "profile/password/change", {"passwordOld": account, "password": "another password"}),
    }
    counted = {}
    for name, (method, path, body) in calls.items():
        with statements(demo.db) as seen:
            result(await portal.send(method, path, body, token=token))
        # The throttle takes locks of its own on PostgreSQL, and needs none where there is one writer.
        counted[name] = len([each for each in seen if "pg_advisory" not in each])
    assert counted == EXPECTED_STATEMENTS | ({} if demo.db.is_sqlite else ONE_WRITE)


async def _rows(demo: Running) -> dict[str, int]:
    """How many rows each table of records has."""
    async with demo.db.read() as session:
        return {
            name: await session.scalar(text(f"SELECT count(*) FROM {name}")) or 0
            for name in ("party", "contact", "account", "phone", "email", "address", "change", "sales_order", "photo")
        }
