"""Which fields a call of Zoho's names, told without carrying it out."""

import re
from collections.abc import Iterator

from crmgraph.crm.models import Way
from crmgraph.dialects.zoho.fields import MODULES, canonical
from crmgraph.rest.passing import HttpMessage, Named

_COMPARED = re.compile(r"\(\s*([A-Za-z0-9_$]+)(?:\.id)?:[a-z_]+:")
"""A condition of criteria, `(City:equals:Oslo)`."""
_LISTED = frozenset({"GET /crm/v2/{module}", "GET /crm/v2/{module}/{id}", "GET /crm/v2/{module}/search"})
_WRITTEN = frozenset(
    {"POST /crm/v2/{module}", "PUT /crm/v2/{module}", "POST /crm/v2/{module}/upsert", "PUT /crm/v2/{module}/{id}"}
)


def named(operation: str, path: str, request: HttpMessage) -> Iterator[Named]:
    """The fields that `fields`, `sort_by` and `criteria` name, and those of the records in a body."""
    module = MODULES.get(canonical(path.strip("/").split("/")[2])) if operation in _LISTED | _WRITTEN else None
    if module is None:
        return
    found: dict[Way, list[str]] = {}
    if operation in _WRITTEN:
        rows = request.json().get("data")
        names = [name for row in rows if isinstance(row, dict) for name in row] if isinstance(rows, list) else []
        # What begins with a dollar is Zoho's own state of a record.
        found[Way.WRITTEN] = [name for name in names if not name.startswith("$")]
    elif request.query:
        given = request.asked()
        found[Way.READ] = [name.strip() for name in given.get("fields", "").split(",") if name.strip()]
        sorted_by = [] if operation.endswith("search") else [given.get("sort_by", "")]
        found[Way.SOUGHT] = [*_COMPARED.findall(given.get("criteria", "")), *filter(None, sorted_by)]
    for way, names in found.items():
        yield from ((module.kind, name, way) for name in module.fields.known_names(names))
