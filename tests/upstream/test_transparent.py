"""Every recorded exchange, to an old CRM directly and through us: the same status, headers and bytes.

There are two copies of one old CRM, of which one is asked directly, so that calls that write find the same in both.
"""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.covalense.conftest import HEADERS as PORTAL
from tests.program import crmgraph, serving
from tests.upstream.conftest import ENVIRONMENT, asked, put_behind, request

LEAD = "738964000002148061"
FORM = "application/x-www-form-urlencoded"
CHANGING = re.compile(rb"(?i)^(date|x-request-id|x-accesstoken-reset):")
MADE = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    rb"|[0-9a-f]{16,}|[A-Za-z0-9_-]{32,}|(?<=[\"=])1000\.[^\"; ]+"
)
"""Times, and tokens and keys that nobody can guess: two stores make others."""


@dataclass
class Side:
    """One way to the old CRM.

    Attributes:
        port: that is asked.
        filled: what the words in double braces stand for on this side.
    """

    port: int
    filled: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, headers: list[tuple[str, str]], body: str | None) -> Any:
        """The answer to a request, its words filled in."""
        given = {name: self._fill(value) for name, value in headers}
        content = None if body is None else self._fill(body).encode()
        return asked(self.port, request(method, self._fill(path).replace(" ", "%20"), given, content))

    def _fill(self, text: str) -> str:
        return re.sub(r"\{\{([a-z_:-]+)\}\}", lambda found: self.filled[found[1]], text)


@pytest.fixture(scope="module")
def sides(
    loaded_demo: Path, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Side, Side]]:
    """Directly to one copy of the demo, and through us to the other."""
    copies = [shutil.copytree(loaded_demo, tmp_path_factory.mktemp("old") / "demo") for _ in range(2)]
    given = json.loads(crmgraph(copies[0], "demo", "credentials", "--json").stdout)
    folder = tmp_path_factory.mktemp("new")
    named = {"CRMGRAPH_PUBLIC_URL": "https://old.example"}  # it stands in answers, with the port otherwise
    with serving(copies[0], "--demo", **named) as (direct, _), serving(copies[1], "--demo", **named) as (behind, _):
        put_behind(folder, sqlite_template, str(behind.base_url).rstrip("/"))
        with serving(folder, **ENVIRONMENT) as (through, _):
            ports = (direct.base_url.port or 0, through.base_url.port or 0)
            yield tuple(_enter(Side(port), given) for port in ports)  # type: ignore[misc]  # there are two


def _enter(side: Side, given: dict[str, Any]) -> Side:
    """Log in at every door."""
    crmcom, valomnia, covalense = given["crmcom"], given["valomnia"], given["covalense"]
    token = given["zoho"]["access_token"]
    side.filled = {
        "user-id": "738964000000291009",
        "access-token": token,
        "authorization-token": f"Zoho-oauthtoken {token}",
        "web_api_key:": base64.b64encode(f"{crmcom['web_api_key']}:".encode()).decode(),
        **{name: crmcom[name] for name in ("username", "password", "organisation", "web_api_key")},
    }
    login = json.dumps({name: crmcom[name] for name in ("username", "password", "organisation")})
    json_type = [("Content-Type", "application/json")]
    entered = side.ask("POST", "/crmapi/rest/v2/authentication/token", json_type, login)
    side.filled["crmcom-token"] = json.loads(entered[2])["data"]["token"]
    form = f"j_username={valomnia['username']}&j_password={valomnia['password']}"
    entered = side.ask("POST", "/j_spring_security_check", [("Content-Type", FORM)], form)
    cookie = next(each for each in entered[1] if each.lower().startswith(b"set-cookie: "))
    side.filled["cookie"] = cookie.split(b": ")[1].split(b";")[0].decode()
    portal = [*PORTAL.items(), ("type", "numbers"), *json_type]
    entered = side.ask("POST", "/crm/v1/login", portal, json.dumps(covalense))
    side.filled["covalense-token"] = json.loads(entered[2])["response"]["result"]["accessToken"]
    return side


Recorded = tuple[str, str, list[tuple[str, str]], str | None]


def recorded() -> Iterator[Recorded]:
    """The requests of all exchanges, those that end a session last."""
    found: list[Recorded] = []
    for door in ("zoho", "valomnia", "covalense", "crmcom"):
        for file in sorted((Path(__file__).parents[1] / "dialects" / door / "exchanges").glob("*.json")):
            exchange = json.loads(file.read_text(encoding="utf-8"))
            given = exchange["request"]
            headers = given.get("headers", [])
            pairs = [(name, value) for name, value in (headers.items() if isinstance(headers, dict) else headers)]
            if exchange.get("session"):
                pairs.append(("Cookie", "{{cookie}}"))
            body = given.get("body")
            if "form" in given:
                body = "&".join(f"{name}={value}" for name, value in given["form"].items())
                pairs.append(("Content-Type", FORM))
            elif body is not None and not isinstance(body, str):
                body = json.dumps(body)
            own = f"{{{{{door}-token}}}}"
            pairs = [(name, value.replace("{{token}}", own)) for name, value in pairs]
            body = None if body is None else body.replace("{{token}}", own)
            found.append((given["method"], given["path"].replace("{{token}}", own), pairs, body))
    return iter(sorted(found, key=lambda each: "release" in each[1] or "password" in each[1]))


def further() -> Iterator[Recorded]:
    """More that read, and that no operation or no reader takes."""
    zoho = [("Authorization", "{{authorization-token}}")]
    for path in (
        "Leads", f"Leads/{LEAD}", "Leads/1", "Leads/deleted", "Nothing", "users", "org", "settings/fields?module=Leads",
        "Leads/search?word=a", "Leads/search?criteria=((", "Contacts?page=2", f"Leads/{LEAD}/photo", "%zz", "",
        f"Leads/{LEAD}/Notes", "Accounts?fields=Account_Name", "Leads/%0d%0aX-Evil:%201", "L%C3%A9ads", "Leads//5",
    ):  # fmt: skip
        yield "GET", f"/crm/v2/{path}", zoho, None
    for module in ("Leads", "Contacts", "Accounts", "Notes"):
        for query in (
            "per_page=2",
            "page=2&per_page=1",
            "fields=id,Created_Time",
            "sort_by=id&sort_order=asc",
            "page=x",
        ):
            yield "GET", f"/crm/v2/{module}?{query}", zoho, None
        for path in (f"settings/fields?module={module}", f"settings/modules/{module}", f"{module}/search?word=an"):
            yield "GET", f"/crm/v2/{path}", zoho, None
    for method, path, body in (
        ("POST", "Leads", "not json"), ("POST", "Leads", '{"data": 5}'), ("PUT", "Leads/1", '{"data": [{}]}'),
        ("POST", "Leads", '{"data": [{"Company": "x"}]}'), ("DELETE", "Leads/1", None), ("PATCH", "Leads", "{}"),
        ("POST", "Leads/upsert", '{"data": [{"Last_Name": null}]}'), ("POST", "Leads", ""), ("HEAD", "Leads", None),
    ):  # fmt: skip
        yield method, f"/crm/v2/{path}", zoho, body
    cookie = [("Cookie", "{{cookie}}")]
    lists = (f"contacts?max={most}&offset={offset}" for most in (1, 5) for offset in (0, 1, 2))
    for path in (*lists, "contacts?sort=city", "contacts/1", "contacts?max=x", "customers", "contacts/5", "nothing"):
        yield "GET", f"/api/v1.0/{path}", cookie, None
    show = "/crmapi/rest/v2/contact_information/show?token={{crmcom-token}}&contact_information_identifier="
    for identifier in ("number=CON1", "id=1", "{{", "number"):
        yield "GET", show + identifier.replace("{{", "%7B%7B"), [], None
    portal = [*PORTAL.items(), ("email", "x@example.com"), ("token", "{{covalense-token}}")]
    yield "GET", "/crm/v1/profile/contact", portal, None
    for path in ("/crm/v1/x", "/crmapi/rest/v2/x", "/api/v1.0/x", "/api", "/crm", "/oauth/v2/x", "/crm/v1", "/crm/v2"):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
            yield method, path, [], "not json" if method in ("POST", "PUT", "PATCH") else None
    for name, value in (("Authorization", "Zoho-oauthtoken x"), ("Authorization", ""), ("Content-Type", "x/y")):
        yield "GET", "/crm/v2/Leads", [(name, value)], None


def test_every_recorded_request_is_answered_by_the_old_crm_through_us(sides: tuple[Side, Side]) -> None:
    count = answered = 0
    # What only reads comes first, while both copies hold the same to the byte.
    for each in sorted((*recorded(), *further()), key=lambda each: each[0] not in ("GET", "HEAD", "OPTIONS")):
        direct, through = (side.ask(*each) for side in sides)
        assert direct[0] == through[0], each
        headers = [[h for h in told[1] if not CHANGING.match(h)] for told in (direct, through)]
        if each[0] == "GET":
            assert (headers[0], direct[2]) == (headers[1], through[2]), each
        else:
            masked = [[MADE.sub(b"?", h) for h in given] for given in headers]
            assert masked[0] == masked[1], each
            assert MADE.sub(b"?", direct[2]) == MADE.sub(b"?", through[2]), each
        for name in (b"date:", b"x-request-id:"):
            assert sum(h.lower().startswith(name) for h in through[1]) == 1, each
        count += 1
        answered += direct[0].split()[1] in (b"200", b"201", b"202")
    assert count >= 200 and answered >= 60, (count, answered)
