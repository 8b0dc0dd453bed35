"""Beside the doors: a dialect's own refusal near its prefixes, the site's at every other path, never a framework's."""

from itertools import product

import httpx
import pytest

from tests.conftest import Running
from tests.fuzz.envelopes import check

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW")
NEAR = {
    "covalense": ["/crm/v1", "/crm/v1/", "/crm/v1/nothing", "/crm/v1.1", "/crm/v1.1/login"],
    "zoho": [
        *("/crm", "/crm/", "/crm/v2.1", "/crm/v2.1/Leads", "/crm/v3", "/crm/v3/Leads", "/crm/v8/Leads/1", "/crm/v9"),
        *("/crm/bulk/v2", "/crm/bulk/v2/read", "/crm/v2x", "/crm/x%0Ay", "/crm/%00", "/crm/ImageDownloadServlets"),
        *("/oauth", "/oauth/", "/oauth/user/info", "/oauth/v3", "/oauth/v3/token", "/oauth/v2", "/oauth/v2/auth"),
    ],
    "crmcom": [
        *("/crmapi", "/crmapi/", "/crmapi/rest", "/crmapi/rest/v1", "/crmapi/rest/v1/contact_information/show"),
        *("/crmapi/rest/v3/authentication/token", "/crmapi/rest/v2", "/crmapi/rest/v2/nothing", "/crmapi/soap"),
    ],
    "valomnia": [
        *("/api", "/api/", "/api/v1.0", "/api/v9.9/nothing", "/api/x", "/api/v1.0/orders"),
        *("/j_spring_security_logout", "/j_spring_security_logout/", "/j_spring_security_switch_user", "/login"),
        *("/login/", "/login/auth", "/login/ajaxDenied", "/logout", "/logout/index"),
    ],
}
SITE = ["/nothing", "/crmx", "/apix", "/oauthx", "/openapi.json", "/redoc", "/docs", "/docs/", "/docs/nothing", "/%00"]
SITE += ["/health", "/health/live/x", "/graphqlx", "/photos", "/photos/x/original/a.png", "/a%0Ab", "/.env", "/CRM/v2"]


@pytest.mark.parametrize("door", NEAR)
async def test_near_its_prefixes_a_dialect_refuses_in_its_own_words(client: httpx.AsyncClient, door: str) -> None:
    for path, method in product(NEAR[door], METHODS):
        answer = await client.request(method, path, headers={"accept": "text/html"})
        check(door, method, answer)
        if door == "crmcom":
            assert method == "HEAD" or answer.json()["status"]["code"] != "OK"
        else:
            assert answer.status_code >= 400


async def test_at_any_other_path_the_site_says_so_as_it_is_asked(client: httpx.AsyncClient) -> None:
    said = "There is nothing at this path. The front page, /, names every door and its documentation."
    for path, method in product(SITE, METHODS):
        answer = await client.request(method, path)
        assert answer.status_code in (404, 405)
        assert answer.headers["content-type"] == "application/json"
        assert (answer.headers["vary"], answer.headers["x-content-type-options"]) == ("Accept", "nosniff")
        if method != "HEAD" and answer.status_code == 404:
            assert answer.json() == {"error": "not found", "message": said}
    for path in SITE:
        page = await client.get(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<h1>Not found</h1>" in page.text and said in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/", "/site.css", "/health/live", "/health/ready", "/docs/zoho", "/docs/zoho/openapi.json"]
)
async def test_a_page_asked_by_another_method_says_by_which_it_is(running: Running, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "BREW"):
        answer = await running.client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.json() == {
            "error": "method not allowed",
            "message": f"This path is not asked by {method}, but by GET, HEAD.",
        }
    page = await running.client.post(path, headers={"accept": "text/html"})
    assert page.status_code == 405 and "<h1>Method not allowed</h1>" in page.text


async def test_html_is_for_who_names_it_first(client: httpx.AsyncClient) -> None:
    asked = {
        **dict.fromkeys(
            ("", "*/*", "application/json", "application/json, text/html", "text/*", ",;,"), "application/json"
        ),
        **dict.fromkeys(
            ("text/html, application/json", "TEXT/HTML;q=0.9", "application/xhtml+xml, text/html"), "text/html"
        ),
    }
    for accept, kind in asked.items():
        answer = await client.get("/nothing", headers={"accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == kind, accept
