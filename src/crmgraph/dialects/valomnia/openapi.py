"""The dialect as an OpenAPI document, generated from the tables that answer."""

from typing import Any

from crmgraph.crm.errors import Invalid
from crmgraph.dialects.valomnia import errors, parameters
from crmgraph.dialects.valomnia.api import OPERATIONS
from crmgraph.dialects.valomnia.authorization import COOKIE
from crmgraph.dialects.valomnia.errors import Failure
from crmgraph.dialects.valomnia.fields import CONTACT, CUSTOMER
from crmgraph.dialects.valomnia.handlers import contacts
from crmgraph.dialects.valomnia.requests import Service
from crmgraph.mapping import FieldMap
from crmgraph.rest.openapi import (
    EMPTY,
    LONG,
    TEXT,
    Schema,
    document,
    json_of,
    length_of,
    line,
    object_of,
    parameters_in,
    paths_of,
    properties_of,
)

_TYPES: dict[str, Schema] = {
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
    errors.worded(Invalid(("emails",), "email")),
    errors.worded(Invalid(("addresses",), "country")),
    errors.FILE_TOO_LARGE,
    errors.UNSUPPORTED_FILE,
    errors.MALFORMED,
    errors.TOO_LARGE,
]

_DELETED = {
    "type": "object",
    "properties": {"success": {"type": "string"}, "success_description": {"type": "string"}},
}


def openapi() -> Schema:
    """The document."""
    return document(
        __package__,
        title="Valomnia",
        version="1",
        description="Contacts and customers of a sales force, as Valomnia's API has them. Every version segment "
        f"is taken. POST /j_spring_security_check answers a session, to be sent as the cookie {COOKIE}.",
        paths=paths_of((each.path, each.method, _operation(each)) for each in OPERATIONS),
        components={
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
        security=[],
    )


def _operation(service: Service) -> Schema:
    handler: Any = service.handler
    name = f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"
    if name not in _OPERATIONS:
        raise LookupError(f"_OPERATIONS of {__name__} has no row for {name}")
    schema, failures, body = _OPERATIONS[name]
    operation: Schema = {
        "operationId": f"{name}:{service.path}",
        "summary": service.summary,
        "parameters": parameters_in(service.path, lambda variable: LONG if variable == "id" else TEXT),
        "responses": {str(service.status): {"description": "Success", "content": _content(schema)}},
    }
    if handler is contacts.index:
        operation["parameters"] += [
            {"name": each, "in": "query", "schema": schema} for each, schema in _list_parameters().items()
        ]
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
    failures = [*([errors.NO_SESSION] if service.in_session else []), *failures, errors.SERVER_ERROR]
    for code in sorted({failure.status for failure in failures}):
        operation["responses"][str(code)] = _failures([each for each in failures if each.status == code])
    if service.in_session:
        operation["security"] = [{"session": []}]
    return operation


def _content(schema: str) -> Schema:
    if schema == "Photo":
        return {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png")}
    return json_of({"$ref": f"#/components/schemas/{schema}"})


def _failures(failures: list[Failure]) -> Schema:
    return {
        "description": "; ".join(f"{each.error}: {each.description}" for each in failures),
        "content": json_of(
            {"$ref": "#/components/schemas/Error"}, examples={each.error: {"value": each.body} for each in failures}
        ),
    }


def _schema(fields: FieldMap) -> Schema:
    printed = (each for each in fields.fields if each.printed)
    return object_of(properties_of(printed, lambda field: _TYPES.get(field.name, TEXT)))


def _saved() -> Schema:
    writable = (each for each in CONTACT.fields if each.writable)
    fields = properties_of(writable, lambda field: _TYPES.get(field.name, line(maxLength=length_of(field.at))))
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


def _list_parameters() -> Schema:
    def whole(least: int) -> Schema:
        return {"anyOf": [{"type": "integer", "minimum": least, "maximum": 2**31 - 1}, EMPTY]}

    time = {"anyOf": [{"type": "string", "format": "date-time"}, EMPTY]}
    filtered = {"anyOf": [line(pattern=_SEEN), EMPTY]}
    return {
        "max": whole(1),
        "offset": whole(0),
        "sort": {"type": "string", "enum": ["", *contacts.SORTS]},
        "order": {"type": "string", "description": "asc or desc; whatever is not desc is asc"},
        **dict.fromkeys(("customerReference", *contacts.FILTERS), filtered),
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

_OPERATIONS: dict[str, tuple[str, list[Failure], Schema | None]] = {
    "contacts.index": ("ContactPage", [errors.invalid_param_type("max")], None),
    "contacts.create": ("Contact", [*_SAVE_FAILURES, errors.not_found("customer", "31888")], _saved()),
    "contacts.show": ("Contact", _CONTACT_FAILURES, None),
    "contacts.update": ("Contact", [*_SAVE_FAILURES, errors.not_found("customer", "31888")], _saved()),
    "contacts.delete": ("Deleted", [*_CONTACT_FAILURES, errors.DELETE_FAILED], None),
    "customers.show": ("Customer", _CUSTOMER_FAILURES, None),
    "customers.show_by_reference": ("Customer", [errors.not_found("customer", "C1", "reference")], None),
    "login.check": ("Session", [errors.LOGIN_FAILED, errors.throttled(60), errors.MALFORMED], _LOGIN),
    "login.success": ("Session", [], None),
    "pictures.show": ("Photo", [errors.NO_PHOTO], None),
}
"""{module.handler: (schema, failures, body)}."""
