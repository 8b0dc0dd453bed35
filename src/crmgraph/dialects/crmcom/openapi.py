"""The OpenAPI document of the Web API, made from the tables that serve it."""

from typing import Any

from crmgraph.crm.models import Account, Contact
from crmgraph.dialects.crmcom import codecs
from crmgraph.dialects.crmcom.api import IMAGE, IMAGES, LOG_IN_BY_KEY, OPERATIONS, PREFIX
from crmgraph.dialects.crmcom.errors import CODES
from crmgraph.dialects.crmcom.fields import fields_of
from crmgraph.dialects.crmcom.handlers.authentication import log_out
from crmgraph.dialects.crmcom.handlers.contact_information import TYPES
from crmgraph.dialects.crmcom.handlers.profile_photo import VIEWED
from crmgraph.dialects.crmcom.lookups import FIELDS, FILTERS, IDENTIFIER, MOST_OFFSET, MOST_RESULTS
from crmgraph.dialects.crmcom.requests import Method
from crmgraph.dialects.crmcom.response_formats import RESPONSE_FORMATS, SHOW, ResponseFormat
from crmgraph.dialects.crmcom.sets import SETS, RowSet
from crmgraph.mapping import Field, FieldMap
from crmgraph.rest.openapi import EMPTY, examples_of, nullable, with_examples

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TYPES: dict[Any, Schema] = {
    codecs.NUMBER: {"type": "number"},
    codecs.WHOLE: {"type": "integer"},
    codecs.FLOOR: {"type": "integer"},
    codecs.AMOUNT: {"type": "number"},
    codecs.FLAG: {"type": "boolean"},
    codecs.TIME: {"type": "string", "description": "2014-05-05T15:49:59"},
    codecs.LANGUAGE: {"type": "string", "enum": list(codecs.LANGUAGES)},
    codecs.date_of_birth(SHOW.objects["birth"]): {
        "type": "object",
        "properties": {part: {"type": "integer"} for part in ("day", "month", "year")},
    },
    codecs.NAME_DAY: {"type": "object", "properties": {part: {"type": "integer"} for part in ("day", "month")}},
}


def _object(properties: dict[str, Schema], *required: str) -> Schema:
    return {"type": "object", "properties": properties} | ({"required": list(required)} if required else {})


def _identifier(*fields: str) -> Schema:
    return _object(dict.fromkeys(fields, _TEXT)) | {"description": "Exactly one of these."}


_IDENTIFIER = _identifier(*FIELDS)


def _in_request(field: Field) -> tuple[str, Schema]:
    """The name that requests have a value under, and its form."""
    name = field.aliases[0] if field.aliases else field.name
    if name.endswith("_identifier"):
        return name, {"type": "object", "description": "An identifier: its id, its name or a code."}
    return name, _TYPES.get(field.codec, _TEXT)


def _written(fields: FieldMap) -> dict[str, Schema]:
    properties: dict[str, Schema] = {}
    for field in fields.fields:
        if field.writable:
            name, schema = _in_request(field)
            outer, _, inner = name.rpartition(".")
            into = properties.setdefault(outer, _object({}))["properties"] if outer else properties
            into[inner] = schema
    return properties


def _set(each: RowSet, *, changing: bool) -> Schema:
    more: dict[str, Schema] = {"action": {"type": "string", "enum": ["ADD", "UPDATE", "REMOVE"]}} if changing else {}
    if changing:
        more[each.identifier] = _identifier("id", "type")
    if each.rows == "relations":
        more[IDENTIFIER] = _IDENTIFIER
    required = ("action",) if changing else tuple(each.required)
    return {"type": "array", "items": _object(more | _written(each.fields), *required)}


def _record(*, changing: bool) -> Schema:
    both = _written(fields_of(Contact)) | _written(fields_of(Account))
    sets = {each.names[0]: _set(each, changing=changing) for each in SETS}
    own: dict[str, Schema] = (
        {IDENTIFIER: _IDENTIFIER} if changing else {"type": {"type": "string", "enum": list(TYPES)}}
    )
    return _object({"token": _TEXT, **own, **both, **sets, "fields_set": _TEXT}, "token", *own)


def _body(method: Method) -> Schema | None:
    bodies = {
        "/authentication/token": _object(
            dict.fromkeys(("username", "password", "organisation", "unit"), _TEXT),
            *("username", "password", "organisation"),
        ),
        LOG_IN_BY_KEY.path: _object({"unit": _TEXT}),
        "/authentication/token/release": _object({"token": _TEXT}, "token"),
        "/contact_information/create": _record(changing=False),
        "/contact_information/update": _record(changing=True),
        "/contact_information/profile_photo/add": _object(
            {
                "token": _TEXT,
                IDENTIFIER: {"type": "string", "description": "field=value"},
                "file": {"type": "string", "format": "binary"},
                "fields_set": _TEXT,
            },
            *("token", IDENTIFIER, "file"),
        ),
        "/contact_information/profile_photo/remove": _object(
            {"token": _TEXT, IDENTIFIER: _IDENTIFIER}, "token", IDENTIFIER
        ),
    }
    return bodies.get(method.path)


def _query(method: Method) -> list[Schema]:
    def parameter(name: str, description: str = "", *, required: bool = False, schema: Schema = _TEXT) -> Schema:
        return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}

    if method.method != "GET":
        return []
    fields_set = parameter("fields_set", "Names of the answer, with commas.")
    if method.path.endswith("/list"):

        def number(least: int, most: int) -> Schema:
            return {"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, EMPTY]}

        filters = [parameter(name, "At least one of the filters is mandatory.") for name in FILTERS]
        paging = [
            parameter("number_of_results", f"{MOST_RESULTS} at most.", schema=number(1, MOST_RESULTS)),
            parameter("offset", "How many are skipped.", schema=number(0, MOST_OFFSET)),
        ]
        return [*filters, *paging, fields_set]
    return [parameter(IDENTIFIER, f"field=value, of {', '.join(FIELDS)}.", required=True), fields_set]


def _answer(fmt: ResponseFormat) -> Schema:
    if fmt not in RESPONSE_FORMATS:
        return {}
    record = _object({key: {} for key in fmt.keys})
    return {"type": "array", "items": record} if fmt.name == "list" else record


_SAID = nullable(_TEXT)
_STATUS = _object({"message": _SAID, "description": _SAID, "code": {"type": "string", "enum": ["OK", *CODES]}})
_RETRY_AFTER: Schema = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "After how many seconds a try is heard again."}
}
_REFUSAL = _object({"status": _STATUS, "data": {"type": "null"}}, "status", "data")
_BUSY: Schema = {
    "description": "Too many requests at once; alone of all refusals not with HTTP 200.",
    "headers": _RETRY_AFTER,
    "content": {"application/json": {"schema": _REFUSAL}},
}


def _operation(method: Method) -> Schema:
    data = _answer(method.fmt)
    if method.open:
        data = _object({"token": _TEXT}, "token")
    elif method.handler is log_out:
        data = _object({})
    if "photo" in method.path and not method.path.endswith("remove"):
        data = _object(dict.fromkeys(VIEWED, _TEXT))
    answer = _object({"status": _STATUS, "data": nullable(data) if data else {}}, "status", "data")
    operation: Schema = {
        "summary": method.summary,
        "parameters": _query(method),
        "responses": {
            "200": {
                "description": "Whether it was carried out is told by status.code.",
                **({"headers": _RETRY_AFTER} if method.open else {}),
                "content": {"application/json": {"schema": answer}},
            },
            "503": _BUSY,
        },
    }
    if method.method == "GET":
        operation["security"] = [{"token": []}]
    if (body := _body(method)) is not None:
        kind = "multipart/form-data" if method.uploads else "application/json"
        operation["requestBody"] = {"required": "required" in body, "content": {kind: {"schema": body}}}
    if method is LOG_IN_BY_KEY:
        operation["security"] = [{"web_api_key": []}]
    return operation


def openapi() -> dict[str, Any]:
    """The document, as `/docs/crmcom/openapi.json` serves it."""
    paths: dict[str, Any] = {
        f"{PREFIX}{m.path}": {m.method.lower(): _operation(m)} for m in OPERATIONS if m.handler is not log_out
    }
    # Whoever tries them one after the other goes on with the same token: its end comes last.
    last = {f"{PREFIX}{m.path}": {m.method.lower(): _operation(m)} for m in OPERATIONS if m.handler is log_out}
    image: Schema = {
        "summary": IMAGE.summary,
        "parameters": [{"name": name, "in": "query", "required": True, "schema": _TEXT} for name in ("id",)],
        "security": [{"token": []}],
        "responses": {
            "200": {
                "description": "The image, or a status that says why there is none.",
                "content": {"image/*": {}, "application/json": {"schema": _REFUSAL}},
            },
            "503": _BUSY,
        },
    }
    document: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "CRM.COM Web API v2",
            "version": "2",
            "description": (
                "Contact information of persons (contacts) and companies (accounts). Every answer has HTTP 200; "
                "what was not carried out has a status.code other than OK."
            ),
        },
        "security": [],
        "paths": paths | {IMAGES.prefix: {"get": image}} | last,
        "components": {
            "securitySchemes": {
                "web_api_key": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The Web API key as user name, with an empty password.",
                },
                "token": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "token",
                    "description": "The token from the login; of a POST it may stand in the body as well.",
                },
            }
        },
    }
    return with_examples(document, examples_of(__package__))
