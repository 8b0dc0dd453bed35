"""How answers of Zoho are compared with ours."""

from collections.abc import Mapping
from typing import Any

from crmgraph.rest.comparing import Comparing


def _code(body: Any) -> Any:
    return body.get("code") if isinstance(body, dict) else None


def _lacks(status: int, body: Any) -> bool:
    return _code(body) in ("INVALID_MODULE", "INVALID_URL_PATTERN")


def _is_personal(operation: str, query: Mapping[str, str]) -> bool:
    return operation == "GET /crm/v2/users" and query.get("type") == "CurrentUser"


COMPARING = Comparing(
    grants=frozenset(f"ZohoCRM.{area}.ALL" for area in ("modules", "settings", "users", "org")),
    headers=frozenset({"expires", "x-accesstoken-reset"}),
    keys=("**.Record_Image", "**.$photo_id"),
    modified="Modified_Time",
    lacks=_lacks,
    is_personal=_is_personal,
    plain=frozenset({"ids", "cvid"}),
    sends={"authorization": "Zoho-oauthtoken $TOKEN", "if-modified-since": "", "x-external": ""},
)
