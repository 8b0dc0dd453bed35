"""Writes the OpenAPI documents of the dialects, from the tables of their operations and fields.

A dialect says what is special to its words: the schema of a field, what its operations answer. How objects, answers,
parameters and paths are written, and how they are shown by example, is the same for all.

A dialect keeps its examples in `examples.json` beside its tables: by operation, e.g. "PUT /crm/v1/profile/contact",
the values of parameters and the body of a request to the demo, and what it answered. "*" has parameters of all. The
answers are recorded from the demo by `tests/openapi`, which also replays them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from crmgraph.crm.records.rules import FREE_TEXT
from crmgraph.crm.values.text import MAX_LINE, MAX_TEXT
from crmgraph.mapping import Field

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
EMPTY: Schema = {"type": "string", "maxLength": 0}
"""A value that is not there: parameters and fields of forms that are sent empty."""
LONG: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1, "format": "int64"}


def line(**more: Any) -> Schema:
    """The schema of a text on one line, as far as the store takes one."""
    return {"type": "string", "maxLength": MAX_LINE, **more}


def object_of(properties: Mapping[str, Schema], *required: str, **more: Any) -> Schema:
    """The schema of an object.

    Args:
        required: the properties that have to be there.
    """
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), **needed, **more}


def properties_of(
    fields: Iterable[Field], schema: Callable[[Field], Schema], name: Callable[[Field], str] = lambda field: field.name
) -> dict[str, Schema]:
    """The properties that fields are on the wire, those with a dot in their names within an object.

    Args:
        schema: of the values of a field.
        name: under which it is found.
    """
    found: dict[str, Schema] = {}
    for field in fields:
        outer, _, inner = name(field).rpartition(".")
        into = found.setdefault(outer, object_of({}))["properties"] if outer else found
        into[inner] = schema(field)
    return found


def parameters_in(path: str, schema: Callable[[str], Schema]) -> list[Schema]:
    """The parameters that the variables of a path are.

    Args:
        schema: of the values of a variable.
    """
    names = re.findall(r"\{(\w+)\}", path)
    return [{"name": name, "in": "path", "required": True, "schema": schema(name)} for name in names]


def json_of(schema: Schema, **more: Any) -> Schema:
    """The content of a request or an answer that is JSON."""
    return {"application/json": {"schema": schema, **more}}


def answer(description: str, schema: Schema) -> Schema:
    """An answer that is JSON."""
    return {"description": description, "content": json_of(schema)}


def paths_of(operations: Iterable[tuple[str, str, Schema]]) -> dict[str, Schema]:
    """The paths of a document, in the order in which they are come upon.

    Args:
        operations: (path, method, what is said of the operation).
    """
    paths: dict[str, Schema] = {}
    for path, method, said in operations:
        paths.setdefault(path, {})[method.lower()] = said
    return paths


def document(package: str, title: str, version: str, description: str, **parts: Any) -> Schema:
    """The document of a dialect, which shows the examples of its package.

    Args:
        package: its name, e.g. crmgraph.dialects.zoho.
        parts: paths, components and security.
    """
    info = {"title": title, "version": version, "description": description}
    return with_examples({"openapi": "3.1.0", "info": info, **parts}, examples_of(package))


def length_of(at: Any) -> int:
    """How many characters are taken of a text.

    Args:
        at: the column, or the slot of one, in which a field map keeps it.
    """
    column = getattr(at, "column", None) or getattr(at, "key", None)
    return MAX_TEXT if column in FREE_TEXT else MAX_LINE


@cache
def examples_of(package: str) -> Mapping[str, Any]:
    """The examples of a dialect.

    Args:
        package: its name, e.g. crmgraph.dialects.zoho.
    """
    found: Mapping[str, Any] = json.loads(resources.files(package).joinpath("examples.json").read_text("utf-8"))
    return found


def with_examples(document: Schema, examples: Mapping[str, Any]) -> Schema:
    """The document, in which operations show the requests and answers of the examples. It is changed in place."""
    everywhere = examples.get("*", {}).get("parameters", {})
    for path, item in document["paths"].items():
        for method, operation in item.items():
            known = examples.get(f"{method.upper()} {path}", {})
            _show(operation, {**everywhere, **known.get("parameters", {})}, known)
    return document


def _show(operation: Schema, parameters: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in parameters:
            shown = parameters[parameter["name"]]
            schemas = [parameter["schema"], *parameter["schema"].get("anyOf", ())]
            whole = any(schema.get("type") == "integer" for schema in schemas)
            parameter["example"] = int(shown) if whole else shown
    if "body" in known:
        for kind, media in operation["requestBody"]["content"].items():
            media["example"] = known["body"]
            if "json" not in kind:
                # Clients show forms field by field, and read no example of the whole.
                fields = media["schema"]["properties"]
                shown = {n: {**each, "example": known["body"][n]} for n, each in fields.items() if n in known["body"]}
                media["schema"] = {**media["schema"], "properties": {**fields, **shown}}
    for status, answer in known.get("answers", {}).items():
        for kind, media in operation["responses"].get(status, {}).get("content", {}).items():
            if "json" in kind:
                media.setdefault("examples", {})["demo"] = {"value": answer}


def nullable(schema: Schema) -> Schema:
    """The schema of a value that may be null (JSON Schema 2020-12)."""
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def served_at(document: Mapping[str, Any], url: str) -> Schema:
    """The document as it is handed out, with the address under which the dialect is found.

    Args:
        url: the public URL of the application.
    """
    head = {name: document[name] for name in ("openapi", "info")}
    return {**head, "servers": [{"url": url, "description": "This server."}], **document}
