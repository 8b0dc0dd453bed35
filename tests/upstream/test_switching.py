"""Who calls while calls are passed on, who answers, and which addresses are called at all."""

import json
import socket
import time
from pathlib import Path

import pytest

from crmgraph.upstream.callers import MOST_STRANGERS
from tests.program import crmgraph
from tests.upstream.conftest import ENVIRONMENT, Front, asked, request

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def answer(body: object, *headers: str) -> bytes:
    content = json.dumps(body).encode()
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content


def eventually(front: Front, wanted: set[tuple[str, str, str, int]]) -> list[dict[str, object]]:
    """What is counted, once that is what is wanted: counts come a little late."""
    for _ in range(20):
        time.sleep(0.2)
        found = front.usage()
        told = {(n["dialect"], n["client"], n["operation"], n["calls"]) for n in found}
        if wanted <= told:
            return found
    raise AssertionError(f"{wanted - told} is not in {told}")


def test_tokens_that_are_made_up_are_no_callers_each(front: Front) -> None:
    for number in range(MOST_STRANGERS + 20):
        front.ask(request("GET", "/api/v1.0/customers/5", {"Cookie": f"JSESSIONID=made-up-{number}"}), EMPTY)
    operation = "GET /api/{version}/customers/{id}"
    found = eventually(front, {("valomnia", "unknown", operation, 20)})
    assert sum(str(n["client"]).startswith("unknown:") for n in found if n["operation"] == operation) == MOST_STRANGERS


def test_callers_are_known_by_the_tokens_that_passed_by(front: Front) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    secret = b"grant_type=refresh_token&client_id=1000.CLIENT&client_secret=s3cret&refresh_token=1000.refresh"
    front.ask(request("POST", "/oauth/v2/token", form, secret), answer({"access_token": "1000.A", "expires_in": 3600}))
    zoho = {"Authorization": "Zoho-oauthtoken 1000.A"}
    for _ in range(2):
        front.ask(request("GET", "/crm/v2/Leads/5", zoho), EMPTY)
    front.ask(request("GET", "/crm/v2/Leads/5", {"Authorization": "Zoho-oauthtoken 1000.OTHER"}), EMPTY)
    refused = EMPTY.replace(b"200 OK", b"401 Unauthorized")
    front.ask(request("GET", "/crm/v2/Leads/5", {"Authorization": "Zoho-oauthtoken 1000.STRANGER"}), refused)

    login = json.dumps({"username": "ann", "password": "pa55", "organisation": "ACME"}).encode()
    path = "/crmapi/rest/v2/authentication/token"
    front.ask(request("POST", path, {"Content-Type": "application/json"}, login), answer({"data": {"token": "C1"}}))
    update = json.dumps({"token": "C1", "first_name": "x"}).encode()
    front.ask(request("POST", "/crmapi/rest/v2/contact_information/update", {}, update), EMPTY)

    login = b"j_username=bob&j_password=pa55&ajax=true"
    front.ask(request("POST", "/j_spring_security_check", form, login), answer({}, "Set-Cookie: JSESSIONID=V1; Path=/"))
    front.ask(request("GET", "/api/v1.0/contacts", {"Cookie": "JSESSIONID=V1"}), EMPTY)

    told = answer({"response": {"result": {"accessToken": "K1"}}})
    front.ask(request("POST", "/crm/v1/login", {"source": "Selfcare"}, b'{"email": "eve@example.com"}'), told)
    front.ask(request("GET", "/crm/v1/profile/contact", {"token": "K1"}), EMPTY)

    found = eventually(
        front,
        {
            ("zoho", "1000.CLIENT", "GET /crm/v2/{module}/{id}", 2),
            ("crmcom", "ann@ACME", "POST /crmapi/rest/v2/contact_information/update", 1),
            ("valomnia", "bob", "GET /api/{version}/contacts", 1),
            ("covalense", "customers of Selfcare", "GET /crm/v1/profile/contact", 1),
        },
    )
    unknown = [n for n in found if n["operation"] == "GET /crm/v2/{module}/{id}" and n["client"] != "1000.CLIENT"]
    assert sorted((str(n["client"])[:8], n["calls"], n["refused"]) for n in unknown) == [
        ("unknown", 1, 1),
        ("unknown:", 1, 0),
    ]
    kept = b"".join(each.read_bytes() for each in [*(front.folder / "var").glob("*.db*"), front.folder / "output"])
    assert b"1000.CLIENT" in kept
    for hidden in (
        b'1000.A"',
        b"s3cret",
        b"pa55",
        b"1000.refresh",
        b"eve@example.com",
        b"1000.OTHER",
        b"1000.STRANGER",
    ):
        assert hidden not in kept, hidden


def test_a_switch_holds_a_second_later_and_the_most_specific_counts(front: Front) -> None:
    own = request("GET", "/crm/v2/org", {"Authorization": "Zoho-oauthtoken 1000.NOBODY"})
    sent, (status, _, _) = front.ask(own, EMPTY)
    assert (sent[:15], status) == (b"GET /crm/v2/org", b"HTTP/1.1 200 OK")
    told = front.run("upstream", "switch", "zoho", "off", "--operation", "GET /crm/v2/org", "--why", "a try")
    assert (told.returncode, told.stdout) == (0, "zoho: GET /crm/v2/org of everybody: OFF.\n"), told.stderr
    time.sleep(0.5)
    status, _, body = asked(front.port, own)
    assert (status, json.loads(body)["code"]) == (b"HTTP/1.1 401 Unauthorized", "INVALID_TOKEN")
    # Another operation, and another API, go on as before.
    assert front.ask(request("GET", "/crm/v2/users"), EMPTY)[1][0] == b"HTTP/1.1 200 OK"
    assert front.ask(request("GET", "/api/v1.0/contacts"), EMPTY)[1][0] == b"HTTP/1.1 200 OK"
    words = ("--operation", "GET /crm/v2/org", "--why", "back")
    assert front.run("upstream", "switch", "zoho", "PROXY", *words).returncode == 0
    time.sleep(0.5)
    assert front.ask(own, EMPTY)[1][0] == b"HTTP/1.1 200 OK"
    shown = front.run("upstream", "show", "zoho").stdout.splitlines()
    assert [line.split("  ")[1:] for line in shown[1 : shown.index("Settings:")]] == [
        ["OFF", "GET /crm/v2/org of everybody: a try"],
        ["PROXY", "GET /crm/v2/org of everybody: back"],
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("switch", "zoho", "PROX", "--why", "x"), "PROX: is none of OFF, PROXY, SHADOW. Is PROXY meant?"),
        (
            ("switch", "zoho", "OFF", "--why", "x", "--operation", "GET /crm/v2/orgs"),
            "GET /crm/v2/orgs: zoho has no such operation. Is GET /crm/v2/org meant?",
        ),
        (
            ("add", "zoho", "https://www.zohoapis.com"),
            "zoho: has an upstream already; `crmgraph upstream remove zoho` takes it away.",
        ),
        (
            ("switch", "zoho", "serve", "--why", "x"),
            "SERVE: is not there yet: nothing is written back to the old CRM. OFF lets this store answer without that.",
        ),
        (
            ("switch", "zoho", "OFF", "--why", "x", "--caller", "1000.FRIEMD"),
            "1000.FRIEMD: nobody has called zoho under this name. Is 1000.FRIEND meant? --force does it nevertheless.",
        ),
        (
            ("switch", "zoho", "SHADOW", "--why", "x", "--operation", "GET /crm/v2/org"),
            "SHADOW: `crmgraph upstream pull zoho` has not read Users, Accounts, Contacts, Leads, Accounts/deleted,"
            " Contacts/deleted, Leads/deleted, Notes to the end once. Whatever lacks here would count as different."
            " --force does it nevertheless.",
        ),
        (("show", "zohoo"), "zohoo: there is no such API; there are covalense, zoho, crmcom, valomnia. Is zoho meant?"),
    ],
)
def test_what_cannot_be_said_is_told(front: Front, words: tuple[str, ...], said: str) -> None:
    if words[0] == "add":  # its name may not be found on a machine without a network
        words = ("add", "zoho", f"http://127.0.0.1:{front.old.port}", "--insecure")
    if "--caller" in words:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        secret = b"grant_type=refresh_token&client_id=1000.FRIEND&client_secret=s3cret&refresh_token=1000.refresh"
        granted = answer({"access_token": "1000.F", "expires_in": 3600})
        front.ask(request("POST", "/oauth/v2/token", form, secret), granted)
    told = front.run("upstream", *words)
    assert (told.returncode, told.stderr.strip()) == (1, said)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://169.254.169.254", "169.254.169.254 is an address of a private network"),
        ("file:///etc/passwd", "is no address of https"),
        ("https://CRM.example:443/crm", "is this server itself (CRMGRAPH_PUBLIC_URL)"),
    ],
)
def test_no_upstream_is_added_that_may_not_be_called(front: Front, url: str, said: str) -> None:
    assert front.run("upstream", "remove", "covalense").returncode == 0
    try:
        told = front.run("upstream", "add", "covalense", url, "--insecure")
        assert (told.returncode, said in told.stderr) == (1, True), told.stderr
        listed = json.loads(front.run("upstream", "list", "--json").stdout)["upstreams"]
        assert [each["dialect"] for each in listed] == ["crmcom", "valomnia", "zoho"]
    finally:
        back = front.run("upstream", "add", "covalense", f"http://127.0.0.1:{front.old.port}", "--insecure")
        assert back.returncode == 0


def test_http_is_not_taken_where_nobody_asks_for_it(tmp_path: Path) -> None:
    assert crmgraph(tmp_path, "migrate", **ENVIRONMENT).returncode == 0
    told = crmgraph(tmp_path, "upstream", "add", "valomnia", "http://127.0.0.1:1", **ENVIRONMENT)
    assert "http carries tokens for everybody to read" in told.stderr
    assert crmgraph(tmp_path, "upstream", "remove", "valomnia", **ENVIRONMENT).returncode == 1


def test_check_tells_whether_it_answers(front: Front) -> None:
    front.old.answers.put(EMPTY)
    told = front.run("upstream", "check", "valomnia")
    assert told.returncode == 0 and told.stdout.startswith(
        f"ok    http://127.0.0.1:{front.old.port}  127.0.0.1  HTTP 200"
    )
    listed = json.loads(front.run("upstream", "list", "--json").stdout)["upstreams"]
    assert [(each["dialect"], each["mode"]) for each in listed] == [
        (name, "PROXY") for name in ("covalense", "crmcom", "valomnia", "zoho")
    ]


def test_an_upstream_that_is_away_is_told_in_the_words_of_the_api_and_not_waited_for(tmp_path: Path) -> None:
    from tests.program import serving

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert crmgraph(tmp_path, "migrate", **ENVIRONMENT).returncode == 0
    for dialect in ("zoho", "crmcom", "valomnia", "covalense"):
        command = ("upstream", "add", dialect, f"http://127.0.0.1:{port}", "--insecure")
        assert crmgraph(tmp_path, *command, **ENVIRONMENT).returncode == 0
    assert "fail  http://127.0.0.1" in crmgraph(tmp_path, "upstream", "check", "zoho", **ENVIRONMENT).stdout
    with serving(tmp_path, **ENVIRONMENT) as (client, _):
        zoho = client.get("/crm/v2/Leads")
        assert (zoho.status_code, zoho.json()["code"]) == (500, "INTERNAL_ERROR")
        crmcom = client.get("/crmapi/rest/v2/contact_information/show?token=x")
        assert (crmcom.status_code, crmcom.json()["data"]) == (200, None)
        assert client.get("/api/v1.0/contacts").status_code == 500
        assert client.get("/crm/v1/profile/contact").status_code >= 500
        for _ in range(12):
            assert client.get("/crm/v2/Leads").status_code == 500
        # It is known to be away by now: whoever comes after it is back, within the pause, is refused at once.
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.settimeout(0.5)
            assert client.get("/crm/v2/Leads").status_code == 500
            with pytest.raises(TimeoutError):
                listener.accept()
