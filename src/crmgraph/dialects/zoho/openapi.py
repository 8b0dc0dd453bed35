"""The OpenAPI document of the dialect, written from the tables of its operations and fields."""

from collections.abc import Iterator

from crmgraph.dialects.zoho.api import ACCOUNTS, ACCOUNTS_API, API, OPERATIONS
from crmgraph.dialects.zoho.fields import ELSEWHERE, MODULES, NOTES, Typed
from crmgraph.dialects.zoho.handlers import organisation, records
from crmgraph.dialects.zoho.requests import MAX_ROWS, Operation
from crmgraph.rest.openapi import EMPTY, Schema, answer, document, json_of, nullable, parameters_in, paths_of
from crmgraph.rest.openapi import TEXT as _TEXT

_SCHEMAS: dict[str, Schema] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "currency": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "lookup": {"$ref": "#/components/schemas/Lookup"},
    "ownerlookup": {"$ref": "#/components/schemas/Lookup"},
}
_ID = {"type": "string", "pattern": "^[0-9]+$"}
_MODULE = {"type": "string", "enum": [*MODULES, "Notes"]}


def _words(*words: str) -> Schema:
    return {"type": "string", "enum": ["", *words]}


def _whole(least: int) -> Schema:
    return {"anyOf": [{"type": "integer", "minimum": least, "maximum": 10**12 - 1}, EMPTY]}


_PARAMETERS: dict[str, Schema] = {
    "page": _whole(0),
    "per_page": _whole(1),
    "converted": _words("true", "false", "both"),
    "approved": _words("true", "false", "both"),
    "sort_order": _words("asc", "desc"),
    "type": _words(*records.DELETED_TYPES),
}
_PHOTO = "multipart/form-data"


def openapi() -> Schema:
    """The document."""
    typed = {name: module.typed for name, module in MODULES.items()} | {"Notes": NOTES}
    schemas = {name: _record(fields) for name, fields in typed.items()}
    schemas |= {f"{name}Change": _record(fields, changing=True) for name, fields in typed.items()}
    return document(
        __package__,
        title="Zoho CRM v2",
        version="2",
        description="The API of Zoho CRM, version 2, for leads, contacts and accounts.",
        paths=paths_of([*_of_modules(), *_of_accounts()]),
        components={
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
        security=[{"token": []}],
    )


def _of_modules() -> Iterator[tuple[str, str, Schema]]:
    """The operations of the API, each of them for each module that its path may name."""
    for operation in OPERATIONS:
        for module in MODULES if "{module}" in operation.path else ("",):
            path = API.prefix + operation.path.replace("{module}", module)
            yield path, operation.method, _operation(operation, module)


def _operation(operation: Operation, module: str) -> Schema:
    body: Schema = {
        "summary": operation.summary if not module else f"{operation.summary} ({module})",
        "tags": [module or operation.area],
        "parameters": [
            *parameters_in(operation.path.replace("{module}", ""), lambda name: _MODULE if name == "name" else _ID),
            *(_parameter(n, operation, module) for n in operation.parameters),
        ],
        "responses": _answers(operation, module),
    }
    schema = "Notes" if operation.path.endswith("Notes") or "/Notes/" in operation.path else module
    if operation.method in ("POST", "PUT"):
        if operation.path.endswith("/photo"):
            body["requestBody"] = _photo()
        elif operation.path.endswith("/convert"):
            body["requestBody"] = _rows({"type": "object"}, 1)
        else:
            one = operation.method == "PUT" and operation.path.endswith("id}")
            changing = "Change" if operation.method == "PUT" else ""
            body["requestBody"] = _rows({"$ref": f"#/components/schemas/{schema}{changing}"}, 1 if one else MAX_ROWS)
    return body


def _parameter(name: str, operation: Operation, module: str) -> Schema:
    """A parameter of the query. An empty one is as none."""
    parameter: Schema = {"name": name, "in": "query", "schema": _PARAMETERS.get(name, {"type": "string"})}
    if name in ("converted", "approved") and module != "Leads":
        parameter["schema"] = {"type": "string", "description": "Of leads alone."}
    if name == "type" and operation.area == "users":
        parameter["schema"] = {"type": "string", "enum": ["", *organisation.KINDS]}
    if name == "module":
        parameter |= {"required": True, "schema": {"type": "string", "enum": [*MODULES, "Notes", *sorted(ELSEWHERE)]}}
    if name == "ids" and operation.method == "DELETE":
        parameter |= {"required": True, "schema": {"type": "string", "minLength": 1}}
    return parameter


_FAULTS = {
    400: "A value, the body, the address or the method is not valid.",
    401: "The token does not hold, or its grants do not cover this.",
    403: "It may not be done to this record.",
    404: "There is no such address.",
    413: "The body is too long.",
    500: "A fault of ours, or the database does not answer.",
    503: "There are too many requests at the moment.",
}


def _answers(operation: Operation, module: str) -> Schema:
    found: Schema = {}
    if operation.path.endswith("/photo") and operation.method == "GET":
        found["200"] = {"description": "The image.", "content": {"image/*": {}}}
    elif operation.path.endswith("/photo"):
        found["200"] = {"description": "Done.", "content": json_of({"type": "object"})}
    elif operation.method == "GET":
        found["200"] = {"description": "As asked.", "content": json_of({"type": "object"})}
    else:
        rows = json_of({"$ref": "#/components/schemas/Rows"})
        done = ("200", "201") if operation.method == "POST" else ("200",)
        found |= {status: {"description": "Every row was carried out.", "content": rows} for status in done}
        found["202"] = {"description": "Some rows were not: their code says why.", "content": rows}
    if operation.method == "DELETE" and operation.path.endswith("/photo"):
        found["204"] = {"description": "There is no photo."}
    if operation.method == "GET":
        found["204"] = {"description": "There is nothing."}
        found["304"] = {"description": "Nothing has changed since If-Modified-Since."}
    return found | _faults(*_FAULTS)


def _faults(*statuses: int) -> Schema:
    """What is answered with these statuses, at every operation in the same form."""
    error = {"content": json_of({"$ref": "#/components/schemas/Error"})}
    return {str(status): {"description": _FAULTS[status]} | error for status in statuses}


def _rows(row: Schema, most: int) -> Schema:
    data = {"type": "array", "minItems": 1, "maxItems": most, "items": row}
    schema = {"type": "object", "required": ["data"], "properties": {"data": data}}
    return {"required": True, "content": json_of(schema)}


def _photo() -> Schema:
    file = {"type": "string", "format": "binary"}
    schema: Schema = {"type": "object", "required": ["file"], "properties": {"file": file}}
    kinds = "image/jpeg, image/png, image/gif"
    return {"required": True, "content": {_PHOTO: {"schema": schema, "encoding": {"file": {"contentType": kinds}}}}}


def _record(typed: tuple[Typed, ...], *, changing: bool = False) -> Schema:
    """A record.

    Args:
        changing: what changes one, of which no field has to be there.
    """
    properties = {}
    for one in typed:
        schema = dict(_SCHEMAS.get(one.type, {"type": "string"}))
        if not one.mandatory:
            schema = nullable(schema)
        if not one.field.writable:
            schema["readOnly"] = True
        properties[one.field.name] = schema
    required = [] if changing else [one.field.name for one in typed if one.mandatory]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


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
_ISSUED = {
    "type": "object",
    "required": ["access_token", "api_domain", "token_type", "expires_in"],
    "properties": {
        "access_token": _TEXT,
        "refresh_token": {**_TEXT, "description": "Of a grant code alone; good until it is revoked."},
        "api_domain": _TEXT,
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "description": "In seconds."},
    },
    "additionalProperties": False,
}
_DENIED = ("invalid_client", "invalid_code", "unsupported_grant_type", "invalid_request", "access_denied")


def _word(*words: str) -> Schema:
    """The schema of a refusal of the accounts server."""
    properties = {"error": {"enum": list(words)}}
    return {"type": "object", "required": ["error"], "properties": properties, "additionalProperties": False}


def _form(required: str, *names: str) -> Schema:
    schema = {"type": "object", "required": [required], "properties": dict.fromkeys((required, *names), _TEXT)}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


def _of_accounts() -> Iterator[tuple[str, str, Schema]]:
    """The operations of the accounts server, which ask for no token. What ends tokens stands last: who tries all in
    their order needs them until then."""
    issued = {
        "200": answer("The token, or why there is none: that is 200 as well.", {"anyOf": [_ISSUED, _word(*_DENIED)]})
    }
    done = {"type": "object", "required": ["status"], "properties": {"status": {"const": "success"}}}
    revoked = {
        "200": answer("The token has ended, and with a refresh token the access tokens that were issued for it.", done),
        "400": answer("There is no such token, or it has ended before.", _word("invalid_token")),
    }
    query = [{"name": "token", "in": "query", "required": True, "schema": _TEXT}]
    form = _form("grant_type", "client_id", "client_secret", "refresh_token", "code", "redirect_uri")
    requests: dict[str, tuple[Schema, Schema]] = {
        "POST /token": (issued, {"requestBody": form}),
        "GET /token/revoke": (revoked, {"parameters": query}),
        "POST /token/revoke": (revoked, {"requestBody": _form("token")}),
    }
    for operation in ACCOUNTS:
        answered, request = requests[f"{operation.method} {operation.path}"]
        yield (
            ACCOUNTS_API.prefix + operation.path,
            operation.method,
            {
                "summary": operation.summary,
                "description": "Fields may stand in the address, in an urlencoded body or in a multipart one.",
                "tags": ["oauth"],
                "security": [],
                **request,
                "responses": answered | _faults(413, 500, 503),
            },
        )
