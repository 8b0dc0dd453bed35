"""The manual of the dialect as an OpenAPI document, written from the tables of its operations and fields."""

from typing import Any

from crmgraph.dialects.zoho.api import OPERATIONS
from crmgraph.dialects.zoho.door import Operation
from crmgraph.dialects.zoho.fields import MODULES, NOTES, Typed
from crmgraph.openapi import examples_of, nullable, with_examples

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
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Zoho CRM v2",
            "version": "2",
            "description": "The API of Zoho CRM, version 2, for leads, contacts and accounts.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas | {"Lookup": _LOOKUP, "Error": _ERROR, "Rows": _ROWS},
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
    return with_examples(document, examples_of(__package__))


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
        "responses": _answers(operation, module),
    }
    schema = "Notes" if operation.path.endswith("Notes") or "/Notes/" in operation.path else module
    if operation.method in ("POST", "PUT"):
        body["requestBody"] = _photo() if operation.path.endswith("/photo") else _rows(schema)
    return body


_FAULTS = {
    400: "A value, the body or the address is not valid.",
    401: "The token does not hold, or its grants do not cover this.",
    403: "It may not be done to this record.",
    404: "There is no such address.",
    405: "The method is another one.",
    413: "The body is too long.",
    500: "A fault of ours.",
    503: "The database does not answer.",
}


def _answers(operation: Operation, module: str) -> dict[str, Any]:
    fault = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
    found: dict[str, Any] = {}
    if operation.path.endswith("/photo") and operation.method == "GET":
        found["200"] = {"description": "The image.", "content": {"image/*": {}}}
    elif operation.path.endswith("/photo"):
        found["200"] = {"description": "Done.", "content": {_JSON: {"schema": {"type": "object"}}}}
    elif operation.method == "GET":
        found["200"] = {"description": "As asked.", "content": {_JSON: {"schema": {"type": "object"}}}}
    else:
        rows = {_JSON: {"schema": {"$ref": "#/components/schemas/Rows"}}}
        done = ("200", "201") if operation.method == "POST" else ("200",)
        found |= {status: {"description": "Every row was carried out.", "content": rows} for status in done}
        found["202"] = {"description": "Some rows were not: their code says why.", "content": rows}
    if operation.method == "DELETE" and operation.path.endswith("/photo"):
        found["204"] = {"description": "There is no photo."}
    if operation.method == "GET":
        found["204"] = {"description": "There is nothing."}
        found["304"] = {"description": "Nothing has changed since If-Modified-Since."}
    return found | {str(status): {"description": text} | fault for status, text in _FAULTS.items()}


def _names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{") and part != "{module}"]


def _rows(schema: str) -> dict[str, Any]:
    row = {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "object"}
    data = {"type": "array", "minItems": 1, "maxItems": 100, "items": row}
    return {"content": {_JSON: {"schema": {"type": "object", "required": ["data"], "properties": {"data": data}}}}}


def _photo() -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    return {"content": {_PHOTO: {"schema": {"type": "object", "required": ["file"], "properties": {"file": file}}}}}


def _record(typed: tuple[Typed, ...]) -> dict[str, Any]:
    properties = {}
    for one in typed:
        schema = dict(_SCHEMAS.get(one.type, {"type": "string"}))
        if not one.mandatory:
            schema = nullable(schema)
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
_ROWS = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "code": {"type": "string"},
                    "details": {"type": "object"},
                    "message": {"type": "string"},
                    "status": {"enum": ["success", "error"]},
                },
            },
        }
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
    "responses": {
        "200": {
            "description": 'The token, or {"error": a word}.',
            "content": {_JSON: {"schema": {"type": "object"}}},
        }
    },
}
