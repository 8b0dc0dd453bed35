"""The OpenAPI document of the services, made from the tables that serve them."""

from collections.abc import Iterable
from typing import Any

from crmgraph.crm.values.text import MAX_TEXT
from crmgraph.dialects.covalense.api import OPERATIONS, PREFIX
from crmgraph.dialects.covalense.authorization import HEADERS
from crmgraph.dialects.covalense.codecs import FLAG, SWITCH, TEXT
from crmgraph.dialects.covalense.fields import ACCOUNTS, IMAGE_ORDER, tables
from crmgraph.dialects.covalense.requests import Service
from crmgraph.dialects.covalense.signup_fields import ACCOUNT_SIGNING_UP, OWNER_SIGNING_UP, PERSON_SIGNING_UP
from crmgraph.mapping import ExtraField, Field, FieldMap
from crmgraph.rest.openapi import TEXT as _TEXT
from crmgraph.rest.openapi import Schema, answer, document, json_of, length_of, object_of, paths_of, properties_of

_ATTRIBUTE: Schema = {"type": ["string", "number", "null"]}
"""An attribute of a request: a number is heard as the digits it is, null as nothing."""
_MANDATORY: Schema = {"type": ["string", "number"], "minLength": 1}
_SWITCH: Schema = {"type": ["string", "number", "boolean", "null"], "description": "0 and 1, or a word for no or yes."}
_NEVER_EMPTY = ("lastname", "contact_no", "accountname", "account_no")
_ANYTHING: Schema = {}
"""What nobody reads."""


def _texts(*names: str) -> dict[str, Schema]:
    return dict.fromkeys(names, _TEXT)


def _attributes(*names: str) -> dict[str, Schema]:
    return dict.fromkeys(names, _ATTRIBUTE)


def _shape(fields: Iterable[Field]) -> dict[str, Schema]:
    """What these fields are in an answer."""
    return properties_of(fields, lambda field: {"type": "boolean"} if field.codec is SWITCH else _TEXT)


def _written(fields: FieldMap) -> Schema:
    """The object that changes a record, whose id is the user's own if it is there at all."""
    writable = (each for each in fields.fields if each.writable)
    found = properties_of(writable, _attribute, lambda field: field.name.rpartition(".")[2])
    return object_of({"id": _ATTRIBUTE} | found) | {"type": ["object", "null"]}


def _attribute(field: Field) -> Schema:
    if field.name in _NEVER_EMPTY:
        return {**_MANDATORY, "maxLength": length_of(field.at), "pattern": r"\S"}
    if field.codec is FLAG:
        return _SWITCH
    if isinstance(field.at, ExtraField):
        return {**_ATTRIBUTE, "maxLength": MAX_TEXT}
    return {**_ATTRIBUTE, "maxLength": length_of(field.at)} if field.codec is TEXT else _ATTRIBUTE


def _signup() -> Schema:
    both = (*PERSON_SIGNING_UP.fields, *ACCOUNT_SIGNING_UP.fields, *OWNER_SIGNING_UP.fields)
    address = ("StreetAddress", "City", "PostalCode", "State", "Country")
    acct = _attributes(*dict.fromkeys(f.name for f in both if f.name not in address))
    # Who is known under no such id owns nothing.
    acct |= _credentials("Platform", "LastName") | {"AssignedUserId": _ANYTHING}
    return object_of(
        {
            "AcctInfo": object_of(acct, "Platform", "LastName"),
            "AddressInfo": object_of(_attributes(*address)) | {"type": ["object", "null"]},
            "PaymentDetail": {"description": "An object. Card data are never kept."},
            "LineItems": {"description": "A list of objects."},
            "PaymentInfo": {"description": "An object."},
            **_attributes("OrderType", "OrderId", "Password"),
            **dict.fromkeys(("Element1", "Element2", "Element3", "Element4"), _ANYTHING),
        },
        "AcctInfo",
    )


def _credentials(*names: str) -> dict[str, Schema]:
    return dict.fromkeys(names, _MANDATORY)


def _bodies() -> dict[str, Schema]:
    """{method and path: what its body holds}."""
    known = tables("")
    return {
        "POST login": object_of(_credentials("email", "password") | {"source": _ANYTHING}, "email", "password"),
        "POST signup": _signup(),
        "PUT profile/contact": _written(known.contacts),
        "POST profile/password/forgot": object_of(
            _credentials("email") | {"password": _ANYTHING, "source": _ANYTHING}, "email"
        ),
        "PUT profile/password/change": object_of(_credentials("passwordOld", "password"), "passwordOld", "password"),
        "PUT profile/account": _written(ACCOUNTS),
        "PUT profile/image": object_of({"ProfileImage": {"type": "string", "minLength": 1}}, "ProfileImage"),
    }


def _results() -> dict[str, Schema]:
    """{method and path: what the result of its answer holds}."""
    known = tables("")
    order = object_of({"salesOrder": object_of(_texts("salesorder_no"))})
    reset = object_of(_texts("response"))
    return {
        "POST login": object_of({**_texts("success", "accessToken", "response"), **_shape(known.logins.fields)}),
        "POST signup": order,
        "POST signup/kyc": order,
        "GET profile/contact": object_of(_shape([f for f in known.contacts.fields if f.printed])),
        "PUT profile/contact": object_of(_texts("result", "message")),
        "POST profile/password/forgot": reset,
        "PUT profile/password/change": reset,
        "PUT profile/account": object_of(_shape([f for f in ACCOUNTS.fields if f.printed])),
        "PUT profile/image": object_of(_shape([f for f in known.contacts.fields if f.name in IMAGE_ORDER])),
    }


def _answer(text: str, result: Schema) -> Schema:
    envelope = object_of({"success": _TEXT, "result": result}, "success", "result")
    return answer(text, object_of({"response": envelope}, "response"))


ARGUMENTS = ("statusCode", "errorCode", "errorMessage")
_SAID = {
    "correlationId": "Any id of the request.",
    "srDate": "The day of the request.",
    "source": "Who asks.",
    "destination": "Whom it is for.",
    "operation": "What is asked.",
    "type": "The type of the one-time password.",
    "email": "The customer's email; the token says who they are.",
    "Data": "The registration as JSON. It may stand in a parameter or in the body instead.",
}
"""{header: what it is}. That it is there is all that is asked of the most of them."""


def _header(name: str) -> dict[str, Any]:
    required = name != "Data"
    return {"name": name, "in": "header", "required": required, "schema": _TEXT, "description": _SAID[name]}


def _operation(service: Service, body: Schema | None, result: Schema) -> dict[str, Any]:
    fault = object_of({"arguments": object_of(_texts(*ARGUMENTS), *ARGUMENTS)}, "arguments")
    operation: dict[str, Any] = {
        "operationId": f"{service.method.lower()}_{service.path[1:].replace('/', '_')}",
        "summary": service.summary,
        "parameters": [_header(name) for name in (*HEADERS, *service.headers) if name != "token"],
        "responses": {
            "200": _answer("Done.", result),
            "400": _answer("A header or an attribute is missing or not valid.", fault),
            "500": _answer("The CRM cannot be reached.", fault),
        },
    }
    operation["responses"]["413"] = _answer("The body is too long.", fault)
    if "token" in service.headers:
        operation["security"] = [{"token": []}]
        operation["responses"]["401"] = _answer("The token does not hold.", fault)
    if "token" not in service.headers or service.path == "/profile/password/change":
        operation["responses"]["429"] = _answer("Too many attempts of late.", fault)
    if body is not None:
        # Nothing is a change of nothing.
        operation["requestBody"] = {"required": "required" in body, "content": json_of(body)}
    return operation


def openapi() -> dict[str, Any]:
    """The document."""
    bodies, results = _bodies(), _results()
    # Whoever tries them one after the other goes on with the same token: its end comes last.
    services = sorted(OPERATIONS, key=lambda service: service.path == "/profile/password/change")
    keys = {f"{service.method} {service.path[1:]}": service for service in services}
    return document(
        __package__,
        title="Covalense /crm/v1",
        version="1",
        description="The services of Covalense's self-care portal: login, signup and the customer's profile.",
        security=[],
        paths=paths_of(
            (PREFIX + service.path, service.method, _operation(service, bodies.get(key), results[key]))
            for key, service in keys.items()
        ),
        components={
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "token",
                    "description": "The accessToken of POST /crm/v1/login.",
                }
            }
        },
    )
