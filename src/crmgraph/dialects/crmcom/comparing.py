"""How answers of CRM.COM are compared with ours."""

from typing import Any

from crmgraph.rest.comparing import Comparing


def _outcome(status: int, body: Any) -> str:
    """The code of the status object: nearly every answer has the HTTP status 200."""
    told = body.get("status") if isinstance(body, dict) else None
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, str) else str(status)


def _refuses(status: int, body: Any) -> bool:
    return ".SECURITY." in _outcome(status, body)


def _lacks(status: int, body: Any) -> bool:
    return _outcome(status, body).endswith(".METHODNOTFOUNDEXCEPTION")


COMPARING = Comparing(
    grants=frozenset({"contact_information"}),
    keys=("**.file_content_url",),
    seconds=("**.log_information.*_date",),
    outcome=_outcome,
    refuses=_refuses,
    lacks=_lacks,
    secrets=frozenset({"token"}),
    plain=frozenset({"contact_information_identifier", "fields_set"}),
)
