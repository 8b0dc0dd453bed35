"""The manual of the dialect as an OpenAPI document, written from the tables of its operations and fields."""

from typing import Any

from crmgraph.dialects.zoho.api import OPERATIONS
from crmgraph.dialects.zoho.door import Operation
from crmgraph.dialects.zoho.fields import MODULES, NOTES, Typed

_SCHEMAS: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "currency": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "lookup": {"$ref": "#/components/schemas/Lookup"},
    "ownerlookup": {"$ref": "#/components/schemas/Lookup"},
}
_JSON = "application/json"
_PHOTO = "multipart/form-data"


def openapi() -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        modules = list(MODULES) if "{module}" in operation.path else [""]
        for module in modules:
            path = "/crm/v2" + operation.path.replace("{module}", module)
            paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, module)
    paths["/oauth/v2/token"] = {"post": _TOKEN}
    schemas = {name: _record(module.typed) for name, module in MODULES.items()} | {"Notes": _record(NOTES)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Zoho CRM v2",
            "version": "2",
            "description": "The API of Zoho CRM, version 2, for leads, contacts and accounts.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas | {"Lookup": _LOOKUP, "Error": _ERROR},
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "Zoho-oauthtoken and a token, or Bearer and a token.",
                }
            },
        },
        "security": [{"token": []}],
    }


def _operation(operation: Operation, module: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "summary": operation.summary if not module else f"{operation.summary} ({module})",
        "tags": [module or operation.area],
        "parameters": [
            *(
                {"name": n, "in": "path", "required": True, "schema": {"type": "string"}}
                for n in _names(operation.path)
            ),
            *({"name": n, "in": "query", "schema": {"type": "string"}} for n in operation.parameters),
        ],
        "responses": {
            "200": {"description": "As asked."},
            "default": {
                "description": "What went wrong.",
                "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    schema = "Notes" if operation.path.endswith("Notes") or "/Notes/" in operation.path else module
    if operation.method in ("POST", "PUT"):
        body["requestBody"] = _photo() if operation.path.endswith("/photo") else _rows(schema)
    return body


def _names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{") and part != "{module}"]


def _rows(schema: str) -> dict[str, Any]:
    row = {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "object"}
    data = {"type": "array", "minItems": 1, "maxItems": 100, "items": row}
    return {"content": {_JSON: {"schema": {"type": "object", "required": ["data"], "properties": {"data": data}}}}}


def _photo() -> dict[str, Any]:
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    return {"content": {_PHOTO: {"schema": {"type": "object", "required": ["file"], "properties": {"file": file}}}}}


def _record(typed: tuple[Typed, ...]) -> dict[str, Any]:
    properties = {}
    for one in typed:
        schema = dict(_SCHEMAS.get(one.type, {"type": "string"}))
        if not one.field.writable:
            schema["readOnly"] = True
        properties[one.field.name] = schema
    return {"type": "object", "properties": properties, "required": [one.field.name for one in typed if one.mandatory]}


_LOOKUP = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "id": {"type": "string", "pattern": "^[0-9]+$"}},
}
_ERROR = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "details": {"type": "object"},
        "message": {"type": "string"},
        "status": {"const": "error"},
    },
}
_TOKEN = {
    "summary": "A token for a refresh token or a grant code",
    "tags": ["oauth"],
    "security": [],
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {
                        name: {"type": "string"}
                        for name in ("grant_type", "client_id", "client_secret", "refresh_token", "code")
                    },
                }
            }
        }
    },
    "responses": {"200": {"description": 'The token, or {"error": a word}.'}},
}
