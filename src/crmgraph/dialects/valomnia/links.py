"""Records in Valomnia's words with the links of the version that the caller speaks, and lists in pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.dialects.valomnia.fields import CONTACT, CUSTOMER

_CONTACT = CONTACT.layout()
_CUSTOMER = CUSTOMER.layout()


@dataclass(frozen=True, slots=True)
class Links:
    """Where the links of an answer lead.

    Attributes:
        public_url: under which clients reach us.
        version: the segment that the caller's own address has.
    """

    public_url: str
    version: str

    def href(self, resource: str, number: int | None = None) -> str:
        """The address of a resource, or of one thing in it, without the host."""
        path = f"/api/{quote(self.version, safe='')}/{resource}"
        return path if number is None else f"{path}/{number}"

    def contact(self, aggregate: Aggregate, around: EncodingContext) -> dict[str, Any]:
        """A contact."""
        body = _CONTACT.encode(aggregate, around)
        self._lead(body["customer"], "customers")
        self._lead(body["user"], "users")
        self._photo(body, "photo")
        return body

    def customer(self, aggregate: Aggregate, around: EncodingContext) -> dict[str, Any]:
        """A customer with its contacts."""
        body = _CUSTOMER.encode(aggregate, around)
        self._lead(body["parentCustomer"], "customers")
        self._photo(body, "logo")
        for contact in body["contacts"]:
            self._lead(contact, "contacts")
        return body

    def page(
        self, resource: str, data: list[dict[str, Any]], total: int, size: int, offset: int, query: Mapping[str, str]
    ) -> dict[str, Any]:
        """A page of a list, with links to the pages around it; "" where there is none.

        Args:
            total: how many there are on all pages.
            size, offset: what was asked for.
            query: the parameters of the request.
        """

        def other(start: int) -> str:
            return f"{self.href(resource)}?{urlencode({**query, 'max': size, 'offset': start})}"

        return {
            "paging": {
                "total": total,
                "max": size,
                "offset": offset,
                "previous": other(max(0, offset - size)) if offset else "",
                "next": other(offset + size) if offset + size < total else "",
            },
            "data": data,
        }

    def _lead(self, link: dict[str, Any], resource: str) -> None:
        if link:
            link["href"] = self.href(resource, link["id"])

    def _photo(self, body: dict[str, Any], key: str) -> None:
        if body[key] is not None:
            body[key] = self.public_url + body[key]
