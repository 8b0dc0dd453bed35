"""What stands before the methods: paths, verbs, bodies, tokens, grants and faults, each answered by a status object."""

import base64
import datetime as dt
import re
from pathlib import Path

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from crmgraph.crm.models import Contact, LegacyClient, LegacyToken, Staff, now
from crmgraph.dialects import crmcom
from crmgraph.dialects.crmcom.errors import CODES, WORDS
from tests.conftest import Running, serving, settings_for
from tests.dialects.crmcom.conftest import ELLEN, KOZIORS, PREFIX, Program, answer_of, code, done, refused

SHOW = "contact_information/show"
LOGIN = PREFIX + "authentication/token"
KEYS = PREFIX + "authentication/web_api_key/token"
BAD_KEY = (code("SECURITY", "INVALIDCREDENTIALS"), "The key is not valid")
BAD_TOKEN = code("SECURITY", "INVALIDTOKEN")
BAD_LOGIN = (
    code("SECURITY", "INVALIDCREDENTIALS"),
    "The username, the password or the organisation is not valid",
)
DOCS = Path(__file__).parents[3] / "docs" / "dialects" / "crmcom.md"


def test_every_refusal_of_the_core_has_one_of_the_codes() -> None:
    assert {words[0] for words in WORDS.values()} <= set(CODES)


def test_the_documentation_lists_every_code_with_its_meaning() -> None:
    listed = re.findall(r"^\| `(COM\.[A-Z.]+)` \| (.+) \|$", DOCS.read_text(), re.MULTILINE)
    assert dict(listed) == CODES
    assert all(re.fullmatch(r"COM\.CRM\.EXCEPTION\.[A-Z]+\.[A-Z]+EXCEPTION", each) for each in CODES)


async def test_a_login_answers_a_token_of_32_digits_that_opens_until_it_is_released(demo: Running) -> None:
    known = demo.credentials["crmcom"]
    for given in ({"json": known}, {"data": known}, {"params": known}, {"json": known | {"unit": "Admin Unit"}}):
        response = await demo.client.post(LOGIN, **given)
        token = done(answer_of(response))["token"]
        assert re.fullmatch("[0-9A-F]{32}", token)
    program = Program(demo, token)
    assert await program.show(ELLEN, "id") == {"id": ELLEN}
    assert done(await program.post("authentication/token/release")) == {}
    assert refused(await program.get(SHOW)) == (BAD_TOKEN, "The token is not valid")
    assert refused(await program.post("authentication/token/release")) == (BAD_TOKEN, "The token is not valid")


async def test_a_wrong_login_is_refused_whatever_is_wrong_with_it(demo: Running) -> None:
    known = demo.credentials["crmcom"]
    for wrong in ({"username": "nobody"}, {"password": "wrong"}, {"organisation": "OTHER"}, {"username": "a\x00"}):
        assert refused(answer_of(await demo.client.post(LOGIN, json=known | wrong))) == BAD_LOGIN
    answer = answer_of(await demo.client.post(LOGIN, json={"password": 5.5, "username": []}))
    assert answer["status"] == {
        "message": "username: it is of another type",
        "description": "username: it is of another type\norganisation: mandatory",
        "code": code("CONTACTINFORMATION", "INVALIDFIELDVALUE"),
    }


async def test_too_many_wrong_logins_have_to_wait(demo: Running) -> None:
    known = demo.credentials["crmcom"]
    for _ in range(10):
        await demo.client.post(LOGIN, json=known | {"password": "wrong"})
    response = await demo.client.post(LOGIN, json=known)
    name, message = refused(answer_of(response))
    assert name == code("SECURITY", "TOOMANYATTEMPTS")
    seconds = int(response.headers["retry-after"])
    assert 0 < seconds <= 900
    assert message == f"Too many attempts, try again in {seconds} seconds"


def basic(pair: str | bytes, scheme: str = "Basic") -> dict[str, str]:
    raw = pair.encode() if isinstance(pair, str) else pair
    return {"Authorization": f"{scheme} {base64.b64encode(raw).decode()}"}


async def test_a_key_answers_a_token_that_opens_what_its_client_may(demo: Running) -> None:
    key = demo.credentials["crmcom"]["web_api_key"]
    assert re.fullmatch("[0-9A-F]{32}", key)
    for headers, body in (
        (basic(f"{key}:"), b'{"unit": "EE63A82C4FEBE02FF34E90DD1EBA5ABE"}'),
        (basic(f"{key}:"), b""),
        (basic(key, "basic") | {"Content-Type": "applicatio/json"}, b""),  # as public clients write it
        (basic(f"{key}:whatever", "BASIC"), b"{}"),
    ):
        token = done(answer_of(await demo.client.post(KEYS, headers=headers, content=body)))["token"]
        assert re.fullmatch("[0-9A-F]{32}", token)
        program = Program(demo, token)
        assert await program.show(ELLEN, "id") == {"id": ELLEN}
    async with demo.db.read() as session:
        held = (await session.scalars(select(LegacyToken).where(LegacyToken.issued_by.is_not(None)))).all()
    assert {each.expires_at and each.expires_at - each.created_at for each in held} == {dt.timedelta(hours=2)}
    assert key not in repr([(each.digest, each.issued_by) for each in held])
    # A key is no token, and a token is no key.
    assert refused(await Program(demo, key).get(SHOW)) == (BAD_TOKEN, "The token is not valid")
    assert refused(answer_of(await demo.client.post(KEYS, headers=basic(f"{token}:")))) == BAD_KEY
    # Its end is that of its tokens alone.
    assert done(await program.post("authentication/token/release")) == {}
    assert refused(await program.get(SHOW)) == (BAD_TOKEN, "The token is not valid")
    assert done(answer_of(await demo.client.post(KEYS, headers=basic(key))))["token"]


async def test_a_key_that_is_none_is_refused_and_counts_with_its_address_alone(demo: Running) -> None:
    key = demo.credentials["crmcom"]["web_api_key"]
    zoho = demo.credentials["zoho"]["refresh_token"]
    for wrong in (
        key.lower(),
        key[:-1],
        key + "0",
        "0" * 32,
        zoho,
        "x" * 5000,
        "\x00",
        "\ud800".encode("utf-8", "surrogatepass"),
    ):
        assert refused(answer_of(await demo.client.post(KEYS, headers=basic(wrong)))) == BAD_KEY
    missing = code("CONTACTINFORMATION", "MANDATORYFIELDMISSING"), "key: mandatory"
    form = code("CONTACTINFORMATION", "INVALIDFIELDVALUE"), "key: its form is not known"
    for given in ({}, {"params": {"key": key}}, {"json": {"key": key}}):
        assert refused(answer_of(await demo.client.post(KEYS, **given))) == missing
    for header in (
        "",
        "Basic",
        "Basic !",
        "Basic Og==",
        f"Bearer {key}",
        key,
        basic(b"\xff" * 3)["Authorization"][:-1],
    ):
        assert refused(answer_of(await demo.client.post(KEYS, headers={"Authorization": header}))) == form
    answer = answer_of(await demo.client.get(KEYS, headers=basic(key)))
    assert refused(answer) == (code("WEBAPI", "HTTPMETHODNOTALLOWED"), "The method is called by POST")
    for n in range(92):
        assert refused(answer_of(await demo.client.post(KEYS, headers=basic(f"guess {n}")))) == BAD_KEY
    response = await demo.client.post(KEYS, headers=basic("one more"))
    assert refused(answer_of(response))[0] == code("SECURITY", "TOOMANYATTEMPTS")
    assert 0 < int(response.headers["retry-after"]) <= 900
    # Nobody is kept out by it: neither who has the key nor who signs in with a password.
    assert done(answer_of(await demo.client.post(KEYS, headers=basic(key))))["token"]
    assert done(answer_of(await demo.client.post(LOGIN, json=demo.credentials["crmcom"])))["token"]


async def test_a_key_ends_with_its_client_and_its_staff_member(demo: Running) -> None:
    headers = basic(demo.credentials["crmcom"]["web_api_key"])
    for table, named in ((LegacyClient, LegacyClient.login == "demo"), (Staff, Staff.id.is_not(None))):
        for active in (False, True):
            async with demo.db.begin() as session:
                await session.execute(update(table).where(named).values(active=active))
            answer = answer_of(await demo.client.post(KEYS, headers=headers))
            assert done(answer)["token"] if active else refused(answer) == BAD_KEY


async def test_a_key_is_in_no_log(demo: Running) -> None:
    key = demo.credentials["crmcom"]["web_api_key"]
    with capture_logs() as logs:
        await demo.client.post(KEYS, headers=basic(key))
        await demo.client.post(KEYS, headers=basic("another key"))
    assert logs
    for secret in (key, basic(key)["Authorization"], "another key"):
        assert secret not in repr(logs)


async def test_a_token_that_does_not_hold_is_refused_everywhere(program: Program) -> None:
    methods = ("show", "list", "profile_photo/view"), ("create", "update", "profile_photo/add", "profile_photo/remove")
    for verb, names in zip(("GET", "POST"), methods, strict=True):
        for name in names:
            for token, message in ((None, "The token is mandatory"), ("0" * 32, "The token is not valid")):
                given = {} if token is None else {"token": token}
                response = await program.client.request(verb, f"{PREFIX}contact_information/{name}", params=given)
                assert refused(answer_of(response)) == (BAD_TOKEN, message)
    response = await program.client.post(PREFIX + "contact_information/create", json={"token": ["x"]})
    assert refused(answer_of(response)) == (BAD_TOKEN, "The token is mandatory")
    # Tokens of other doors open nothing here.
    zoho = program.running.credentials["zoho"]["access_token"]
    response = await program.client.get(PREFIX + SHOW, params={"token": zoho})
    assert refused(answer_of(response)) == (BAD_TOKEN, "The token is not valid")


async def test_a_token_ends_with_its_time_its_client_and_its_staff_member(program: Program) -> None:
    db = program.running.db
    for table, before, after in (
        (LegacyToken, {"expires_at": now() - dt.timedelta(seconds=1)}, {"expires_at": now() + dt.timedelta(hours=1)}),
        (LegacyClient, {"active": False}, {"active": True}),
        (Staff, {"active": False}, {"active": True}),
    ):
        assert await program.show(ELLEN, "id") == {"id": ELLEN}
        async with db.begin() as session:
            await session.execute(update(table).values(**before))
        assert refused(await program.get(SHOW)) == (BAD_TOKEN, "The token is not valid")
        async with db.begin() as session:
            await session.execute(update(table).values(**after))


async def test_a_token_is_good_for_two_hours(program: Program) -> None:
    async with program.running.db.read() as session:
        found = (await session.execute(select(LegacyToken).order_by(LegacyToken.created_at.desc()))).scalars().first()
    assert found is not None
    assert found.expires_at is not None
    assert found.expires_at - found.created_at == dt.timedelta(hours=2)


async def test_a_client_calls_what_it_was_granted(program: Program) -> None:
    async with program.running.db.begin() as session:
        await session.execute(
            update(LegacyClient).where(LegacyClient.login == "demo").values(grants=["contact_information/show"])
        )
    assert await program.show(ELLEN, "id") == {"id": ELLEN}
    denied = code("SECURITY", "ACCESSDENIED")
    for answer, method in (
        (await program.get("contact_information/list"), "list"),
        (await program.update(ELLEN), "update"),
        (await program.get("contact_information/profile_photo/view"), "profile_photo/view"),
    ):
        assert refused(answer) == (denied, f"The user may not call contact_information/{method}")
    image = await program.client.get("/crm/ImageDownloadServlet", params={"id": ELLEN, "token": program.token})
    assert refused(answer_of(image))[0] == denied


async def test_an_unknown_path_and_a_wrong_verb_are_status_objects(program: Program) -> None:
    unknown = (code("WEBAPI", "METHODNOTFOUND"), "There is no such method")
    for path in (
        "",
        "/",
        "/contact_information",
        "/contact_information/delete",
        "/../v2/x",
        "/%00",
        "/show/" + "x" * 500,
    ):
        for verb in ("GET", "POST", "DELETE", "OPTIONS", "PATCH"):
            response = await program.client.request(verb, "/crmapi/rest/v2" + path)
            assert refused(answer_of(response)) == unknown
    wrong = code("WEBAPI", "HTTPMETHODNOTALLOWED")
    for verb, method, right in (
        ("POST", SHOW, "GET"),
        ("PUT", SHOW, "GET"),
        ("OPTIONS", SHOW, "GET"),
        ("GET", "contact_information/create", "POST"),
        ("DELETE", "authentication/token", "POST"),
    ):
        response = await program.client.request(verb, PREFIX + method)
        assert refused(answer_of(response)) == (wrong, f"The method is called by {right}")
        assert response.headers["allow"] == right
    # A trailing slash is not missed, and HEAD reads as GET does.
    identifier = {"token": program.token, "contact_information_identifier": f"id={ELLEN}"}
    assert done(answer_of(await program.client.get(PREFIX + SHOW + "/", params=identifier)))["id"] == ELLEN
    assert (await program.client.head(PREFIX + SHOW, params=identifier)).status_code == 200
    # Of the image servlet neither two are, and three are a path of its own.
    for slashes, told in (
        ("", "The token is mandatory"),
        ("/", "The token is mandatory"),
        ("//", "The token is mandatory"),
        ("///", "There is no such method"),
        ("/x", "There is no such method"),
    ):
        response = await program.client.get(f"http://test/crm/ImageDownloadServlet{slashes}")
        assert refused(answer_of(response))[1] == told
        response = await program.client.post(f"http://test/crm/ImageDownloadServlet{slashes}")
        assert response.headers.get("allow") == ("GET" if "mandatory" in told else None)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
async def test_a_body_that_cannot_be_read_is_a_status_object(program: Program, kind: str) -> None:
    malformed = (code("WEBAPI", "MALFORMEDREQUEST"), "The body is neither a JSON object nor a form")
    url = PREFIX + "contact_information/create"
    headers = {"content-type": kind} if kind else {}
    for body in (
        *(b"null", b"5", b'"x"', b"true", b"[]", b"{", b"{]", b'{"a":1}x', b"\xff\xfe", b'{"a":"\xff"}'),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"token":' + b"9" * 100_000 + b"x}",
    ):
        response = await program.client.post(url, content=body, headers=headers)
        assert refused(answer_of(response)) == malformed
    for body in (b"", b"  "):
        response = await program.client.post(url, content=body, headers=headers)
        assert refused(answer_of(response)) == (BAD_TOKEN, "The token is mandatory")


async def test_a_broken_form_and_a_long_body_are_status_objects(program: Program) -> None:
    url = PREFIX + "contact_information/create"
    for kind, body in (
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nnothing\r\n--x--"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 1100 + b"--x--",
        ),
    ):
        response = await program.client.post(url, content=body, headers={"content-type": kind})
        assert answer_of(response)["status"]["code"] in (code("WEBAPI", "MALFORMEDREQUEST"), BAD_TOKEN)
    limit = program.running.core.max_body_bytes
    response = await program.client.post(url, content=b" " * (limit + 1))
    assert refused(answer_of(response)) == (code("WEBAPI", "REQUESTTOOLARGE"), f"More than {limit} bytes")


async def test_a_database_that_is_away_is_a_status_object(tmp_path: Path) -> None:
    async with serving(settings_for("postgresql://nobody@127.0.0.1:9/nothing", tmp_path)) as (client, _):
        for response in (
            await client.get(PREFIX + SHOW, params={"token": "0" * 32}),
            await client.post(LOGIN, json={"username": "a", "password": "b", "organisation": "c"}),
            await client.get("/crm/ImageDownloadServlet", params={"token": "0" * 32}),
        ):
            assert refused(answer_of(response)) == (
                code("WEBAPI", "SERVICEUNAVAILABLE"),
                "The service is not available",
            )


async def test_an_unexpected_fault_is_a_status_object_logged_once_and_without_secrets(program: Program) -> None:
    async with program.running.db.begin() as session:
        # What no door writes: this dialect's part of the extra fields is an object.
        await session.execute(update(Contact).where(Contact.last_name == "Leon").values(extra_fields={"crmcom": ["x"]}))
    with capture_logs() as logs:
        answer = await program.get(SHOW, contact_information_identifier="id_number=ADASF125546665")
    assert refused(answer) == (code("WEBAPI", "UNEXPECTED"), "An unexpected error occurred")
    (fault,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert fault["event"] == "unexpected fault"
    assert program.token not in repr(logs)
    assert "ADASF125546665" not in repr(logs)
    assert done(await program.get(SHOW, contact_information_identifier=f"id={KOZIORS}"))["id"] == KOZIORS


async def test_the_document_of_the_methods_is_served(program: Program) -> None:
    document = (await program.client.get("/docs/crmcom/openapi.json")).json()
    assert document == crmcom.openapi() | {"servers": [{"url": "http://test", "description": "This server."}]}
    assert list(document["paths"]) == [
        *(
            f"/crmapi/rest/v2/{method}"
            for method in (
                "authentication/token",
                "authentication/web_api_key/token",
                "contact_information/show",
                "contact_information/list",
                "contact_information/create",
                "contact_information/update",
                "contact_information/profile_photo/view",
                "contact_information/profile_photo/add",
                "contact_information/profile_photo/remove",
            )
        ),
        "/crm/ImageDownloadServlet",
        "/crmapi/rest/v2/authentication/token/release",  # last: whoever runs them one after the other needs the token
    ]
    body = document["paths"]["/crmapi/rest/v2/contact_information/update"]["post"]["requestBody"]
    asked = body["content"]["application/json"]["schema"]["properties"]
    assert {"udf_string_16", "udf_float_8", "udf_date_8", "category_identifier", "address_set"} <= set(asked)
    assert "id_issued_by_country_identifier" in asked["demographics"]["properties"]
    assert "email_identifier" in asked["email_set"]["items"]["properties"]
    assert (await program.client.get("/docs/crmcom")).status_code == 200
