"""How answers of Valomnia are compared with ours."""

from collections.abc import Mapping

from crmgraph.rest.comparing import Comparing


def _is_personal(operation: str, query: Mapping[str, str]) -> bool:
    return operation == "GET /login/ajaxSuccess"


COMPARING = Comparing(
    ignored=("token",),
    keys=("**.photo", "**.logo"),
    links=("**.href", "paging.previous", "paging.next"),
    modified="lastUpdated",
    is_personal=_is_personal,
    plain=frozenset({"customerReference", "useExternalId"}),
    sends={"cookie": "JSESSIONID=$TOKEN"},
)
