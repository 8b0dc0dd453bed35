"""What each door may answer, whatever it is sent. Anything else is a body of some framework, or a fault of ours."""

from typing import Any

import httpx


def check(door: str, method: str, answer: httpx.Response) -> None:
    """See that an answer is one of the door's own, and no fault.

    Args:
        method: of the request; the answer to HEAD has no body.
    """
    assert answer.status_code < 500, answer.text
    if method == "HEAD":
        assert answer.content == b""
        return
    if answer.headers.get("content-type", "").startswith("image/"):
        assert answer.status_code == 200 and answer.headers["x-content-type-options"] == "nosniff"
        return
    CHECKS[door](answer)


def _covalense(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["response"]
    envelope = body["response"]
    if answer.status_code == 200:
        assert list(envelope) == ["success", "result"] and envelope["success"] == "true"
        return
    assert list(envelope) == ["result", "success"] and envelope["success"] == "false"
    (arguments,) = envelope["result"].values()
    assert list(envelope["result"]) == ["arguments"] and list(arguments) == ["statusCode", "errorCode", "errorMessage"]
    assert arguments["statusCode"] == str(answer.status_code)
    assert all(isinstance(each, str) and each for each in arguments.values())


def _zoho(answer: httpx.Response) -> None:
    if answer.status_code == 204:
        assert answer.content == b""
        return
    body = answer.json()
    assert isinstance(body, dict)
    if answer.url.path.startswith("/oauth/v2") and answer.status_code == 200:
        refused = list(body) == ["error"] and isinstance(body["error"], str)
        assert "access_token" in body or body == {"status": "success"} or refused
        return
    if answer.url.path.startswith("/oauth/v2/token/revoke") and "error" in body:
        assert (answer.status_code, body) == (400, {"error": "invalid_token"})
        return
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    if answer.status_code in (200, 201, 202) and "code" not in body:
        for row in body.get("data", ()):
            if isinstance(row, dict) and row.get("status") == "error":
                _zoho_error(row)
        return
    _zoho_error(body)


def _zoho_error(row: dict[str, Any]) -> None:
    assert row.keys() == {"code", "details", "message", "status"}, row
    assert isinstance(row["details"], dict)
    assert row["code"].replace("_", "").isupper() and row["message"]
    assert row["code"] != "INTERNAL_ERROR"


def _crmcom(answer: httpx.Response) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    body = answer.json()
    assert body.keys() == {"status", "data"}
    status = body["status"]
    assert status.keys() == {"message", "description", "code"}
    if status["code"] != "OK":
        assert body["data"] is None and status["message"]
        assert status["code"].startswith("COM.CRM.EXCEPTION.")
        assert "UNEXPECTED" not in status["code"] and "UNAVAILABLE" not in status["code"], status


def _valomnia(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    body = answer.json()
    assert isinstance(body, dict)
    if answer.status_code >= 400:
        assert list(body) == ["error", "error_description"]
        assert all(isinstance(each, str) and each for each in body.values())


def _graphql(answer: httpx.Response) -> None:
    if answer.status_code == 204:
        assert answer.content == b""
        return
    if answer.headers["content-type"].startswith("text/html") and answer.status_code == 200:
        return  # the page, for a browser that asks for one
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in ("application/json", "application/graphql-response+json")
    body = answer.json()
    assert body.keys() <= {"data", "errors", "extensions"}
    for error in body.get("errors", ()):
        assert error["message"] and error["extensions"]["code"] != "INTERNAL_SERVER_ERROR", error


CHECKS = {
    "covalense": _covalense,
    "zoho": _zoho,
    "crmcom": _crmcom,
    "valomnia": _valomnia,
    "graphql": _graphql,
}
"""{door: the check of its answers}."""
