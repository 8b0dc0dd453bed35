"""The dialect as an OpenAPI document, generated from the tables that answer."""

from typing import Any

from crmgraph.crm.errors import Invalid
from crmgraph.dialects.valomnia import errors, parameters
from crmgraph.dialects.valomnia.api import OPEN, SERVICES
from crmgraph.dialects.valomnia.errors import Failure
from crmgraph.dialects.valomnia.fields import CONTACT, CUSTOMER
from crmgraph.dialects.valomnia.handlers import contacts, login
from crmgraph.dialects.valomnia.handlers.login import COOKIE
from crmgraph.mapping import FieldMap
from crmgraph.rest.openapi import EMPTY, LONG, examples_of, length_of, line, with_examples

_TYPES: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "format": "int64"},
    "isDecisionMaker": {"type": "boolean"},
    "isActive": {"type": "boolean"},
    "onHold": {"type": "boolean"},
    "photo": {"type": ["string", "null"]},
    "logo": {"type": ["string", "null"]},
    "dateCreated": {"type": "string", "format": "date-time"},
    "lastUpdated": {"type": "string", "format": "date-time"},
    "country": {"type": "string", "description": "ISO 3166-1 alpha-2", "example": "FR"},
    "contacts": {"type": "array", "items": {"type": "object"}},
    **{name: {"type": "object"} for name in ("customer", "user", "parentCustomer", "customerCategory")},
}

_CUSTOMER_FAILURES = [errors.invalid_param_type("id"), errors.not_found("customer", "31888")]
_CONTACT_FAILURES = [errors.invalid_param_type("id"), errors.not_found("contact", "7065")]
_SAVE_FAILURES = [
    errors.SAVE_FAILED,
    errors.missing_param("customerId"),
    errors.invalid_param_type("customerId"),
    errors.words(Invalid(("emails",), "email")),
    errors.words(Invalid(("addresses",), "country")),
    errors.FILE_TOO_LARGE,
    errors.UNSUPPORTED_FILE,
    errors.MALFORMED,
    errors.TOO_LARGE,
]

_DELETED = {
    "type": "object",
    "properties": {"success": {"type": "string"}, "success_description": {"type": "string"}},
}


def openapi() -> dict[str, Any]:
    """The document."""
    paths: dict[str, Any] = {}
    for path, methods in [*SERVICES.items(), *OPEN.items()]:
        plain = path.replace(":path}", "}")
        paths[plain] = {
            method.lower(): _operation(plain, handler, path in SERVICES) for method, handler in methods.items()
        }
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Valomnia",
            "version": "1",
            "description": "Contacts and customers of a sales force, as Valomnia's API has them. Every version segment "
            f"is taken. POST /j_spring_security_check answers a session, to be sent as the cookie {COOKIE}.",
        },
        "paths": paths,
        "components": {
            "schemas": {
                "Contact": _schema(CONTACT),
                "Customer": _schema(CUSTOMER),
                "ContactPage": {
                    "type": "object",
                    "properties": {
                        "paging": {
                            "type": "object",
                            "properties": {
                                **{name: {"type": "integer"} for name in ("total", "max", "offset")},
                                **{name: {"type": "string"} for name in ("previous", "next")},
                            },
                        },
                        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Contact"}},
                    },
                },
                "Deleted": _DELETED,
                "Session": {
                    "type": "object",
                    "properties": {
                        "success": {"type": "boolean"},
                        "token": {"type": "string"},
                        "user": {"type": "object"},
                    },
                },
                "Error": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
                },
            },
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "The session that POST /j_spring_security_check answers.",
                }
            },
        },
        "security": [],
    }
    return with_examples(document, examples_of(__package__))


def _operation(path: str, handler: Any, in_session: bool) -> dict[str, Any]:
    name = f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"
    status, schema, failures, body = _OPERATIONS[name]
    operation: dict[str, Any] = {
        "operationId": f"{name}:{path}",
        "summary": (handler.__doc__ or "").split(".")[0] + ".",
        "parameters": [
            {
                "name": variable,
                "in": "path",
                "required": True,
                "schema": LONG if variable == "id" else {"type": "string"},
            }
            for variable in (part[1:-1] for part in path.split("/") if part.startswith("{"))
        ],
        "responses": {str(status): {"description": "Success", "content": _content(schema)}},
    }
    if handler is contacts.index:
        operation["parameters"] += [
            {"name": each, "in": "query", "schema": schema} for each, schema in _list_parameters().items()
        ]
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
    failures = [*([errors.NO_SESSION] if in_session else []), *failures, errors.SERVER_ERROR]
    for code in sorted({failure.status for failure in failures}):
        operation["responses"][str(code)] = _failures([each for each in failures if each.status == code])
    if in_session or handler is login.success:
        operation["security"] = [{"session": []}]
    return operation


def _content(schema: str) -> dict[str, Any]:
    if schema == "Photo":
        return {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png")}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _failures(failures: list[Failure]) -> dict[str, Any]:
    return {
        "description": "; ".join(f"{each.error}: {each.description}" for each in failures),
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {each.error: {"value": each.body} for each in failures},
            }
        },
    }


def _schema(fields: FieldMap) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {each.name: _TYPES.get(each.name, {"type": "string"}) for each in fields.fields if each.printed},
    }


def _saved() -> dict[str, Any]:
    fields = {
        each.name: _TYPES.get(each.name, line(maxLength=length_of(each.at))) for each in CONTACT.fields if each.writable
    }
    fields["customerId"] = line(
        minLength=1, description="A Long; with useExternalId the reference of the customer.", pattern=_SEEN
    )
    fields["firstName"] = fields["lastName"] = line(minLength=1, pattern=_SEEN)
    # What is no word for yes is no, as it was there.
    fields["useExternalId"] = {"type": "string", "description": f"{', '.join(parameters.YES)}: yes. Anything else: no."}
    form = {
        "type": "object",
        "required": ["firstName", "lastName", "customerId"],
        "properties": fields,
    }
    image = {
        "type": "string",
        "format": "binary",
        "description": f"{', '.join(sorted(contacts.FORMATS))}, at most {parameters.MAX_IMAGE_BYTES} bytes",
    }
    kinds = ", ".join(f"image/{each.lower()}" for each in sorted(contacts.FORMATS))
    return {
        "application/x-www-form-urlencoded": {"schema": form},
        "multipart/form-data": {
            "schema": {**form, "properties": {**fields, "imageFile": image}},
            "encoding": {"imageFile": {"contentType": kinds}},
        },
    }


def _list_parameters() -> dict[str, Any]:
    def whole(least: int) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": least, "maximum": 2**31 - 1}, EMPTY]}

    time = {"anyOf": [{"type": "string", "format": "date-time"}, EMPTY]}
    sought = {"anyOf": [line(pattern=_SEEN), EMPTY]}
    return {
        "max": whole(1),
        "offset": whole(0),
        "sort": {"type": "string", "enum": ["", *contacts.SORTS]},
        "order": {"type": "string", "description": "asc or desc; whatever is not desc is asc"},
        **dict.fromkeys(("customerReference", *contacts.FILTERS), sought),
        **{f"{name}_{suffix}": time for name in contacts.TIMES for suffix in contacts.COMPARISONS},
    }


_SEEN = r"[^\s\x1c-\x1f\x85]"
"""Something is to be seen of it."""
_LOGIN = {
    "application/x-www-form-urlencoded": {
        "schema": {
            "type": "object",
            "required": ["j_username", "j_password"],
            "properties": {name: {"type": "string"} for name in ("j_username", "j_password", "ajax")},
        }
    }
}

_OPERATIONS: dict[str, tuple[int, str, list[Failure], dict[str, Any] | None]] = {
    "contacts.index": (200, "ContactPage", [errors.invalid_param_type("max")], None),
    "contacts.create": (201, "Contact", [*_SAVE_FAILURES, errors.not_found("customer", "31888")], _saved()),
    "contacts.show": (200, "Contact", _CONTACT_FAILURES, None),
    "contacts.update": (200, "Contact", [*_SAVE_FAILURES, errors.not_found("customer", "31888")], _saved()),
    "contacts.delete": (200, "Deleted", [*_CONTACT_FAILURES, errors.DELETE_FAILED], None),
    "customers.show": (200, "Customer", _CUSTOMER_FAILURES, None),
    "customers.show_by_reference": (200, "Customer", [errors.not_found("customer", "C1", "reference")], None),
    "login.check": (302, "Session", [errors.LOGIN_FAILED, errors.throttled(60), errors.MALFORMED], _LOGIN),
    "login.success": (200, "Session", [errors.NO_SESSION], None),
    "pictures.show": (200, "Photo", [errors.NO_PHOTO], None),
}
"""{module.handler: (status, schema, failures, body)}."""
