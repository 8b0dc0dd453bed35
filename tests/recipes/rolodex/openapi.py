"""The OpenAPI document of the Rolodex, made of the operations and the fields."""

from typing import Any

from crmgraph.dialects.rolodex.api import API
from crmgraph.dialects.rolodex.fields import CARD


def openapi() -> dict[str, Any]:
    """The document."""
    card = {"type": "object", "properties": {field.name: {"type": "string"} for field in CARD.fields}}
    content = {"application/json": {"schema": card}}
    paths: dict[str, Any] = {}
    for operation in API.operations:
        described: dict[str, Any] = {"summary": operation.summary, "responses": {"200": {"description": "Done."}}}
        if operation.method != "GET":
            described["requestBody"] = {"content": content}
        if "{number}" in operation.path:
            described["parameters"] = [
                {"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}}
            ]
        paths.setdefault(API.prefix + operation.path, {})[operation.method.lower()] = described
    return {"openapi": "3.1.0", "info": {"title": "Rolodex", "version": "1"}, "paths": paths}
