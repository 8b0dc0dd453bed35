"""Logs: one line an event, with the request's id, and without anything secret."""

import io
import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO
from urllib.parse import unquote_plus

import structlog

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request in hand, also told to its client."""

SECRET_KEYS = re.compile(r"pass|secret|token|authorization|cookie|card|cvv|cvc|api_?key", re.IGNORECASE)
HARMLESS = frozenset(
    [
        "page",
        "per_page",
        "sort_by",
        "sort_order",
        "fields",
        "converted",
        "approved",
        "type",
        "include",
        "module",
        "max",
        "offset",
        "first",
        "last",
        "sort",
        "order",
        "asc",
        "desc",
        "useExternalId",
        "ajax",
        "size",
        "number_of_results",
        "operationName",
    ]
)
"""The parameters of addresses whose values are logged; of all others nobody knows what a client puts into them."""
_PLAIN_NAME = re.compile(r"[A-Za-z_]{1,40}")
_PLAIN_VALUE = re.compile(r"[\w.,:+-]{0,100}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MARK = re.compile(r"[=;#?&]")
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{20,}|.{100,}", re.DOTALL)
_PHOTO_KEY = re.compile(r"^(/photos/)[^/]*|^(/[^/-]*-)[^/]*(?=/photo)")


def without_keys(path: str) -> str:
    """A path without what opens a door: the keys of photos, ours and the one in the folder that Valomnia prints, what
    looks like a token, and what stands behind a sign that does not belong into a path, as in `;jsessionid=`."""
    shown = _PHOTO_KEY.sub(lambda found: f"{found[1] or found[2]}***", path)
    return "/".join(_without_token(segment) for segment in shown.split("/"))


def _without_token(segment: str) -> str:
    mark = _MARK.search(segment)
    if mark is not None:
        segment = segment[: mark.start()]
    shown = "***" if _TOKEN.fullmatch(segment) else segment
    return shown if mark is None else f"{shown}{mark[0]}***"


def without_secrets(query: str) -> str:
    """A query string with the values of `HARMLESS` parameters alone.

    Clients put tokens, passwords, whole registrations and documents into addresses, in any spelling of the name.
    """
    return "&".join(map(_without_value, query.split("&"))) if query else ""


def _without_value(parameter: str) -> str:
    name, given, value = parameter.partition("=")
    name = unquote_plus(name)
    if not given or not _PLAIN_NAME.fullmatch(name):
        return "***" if parameter else ""
    return f"{name}={value if name in HARMLESS and _PLAIN_VALUE.fullmatch(value) else '***'}"


def printable(text: str) -> str:
    """The text with what moves a terminal, or begins another line, written out: `\\x1b`."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _printable(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = printable(value)
        elif isinstance(value, list | tuple | dict):
            event[key] = printable(repr(value))
    return event


def _traceback(out: TextIO, exc_info: Any) -> None:
    # Plain, for the handsome form prints the values of all variables, passwords among them.
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    out.write("\n".join(map(printable, text.getvalue().split("\n"))))


def _blot(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        if SECRET_KEYS.search(key):
            event[key] = "***"
    if (current := request_id.get()) is not None:
        event.setdefault("request_id", current)
    return event


def configure(level: str, form: str) -> None:
    """Set up logging for the process.

    Args:
        level: debug, info, warning or error.
        form: json or text.
    """
    number = logging.getLevelName(level.upper())
    people = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback)
    renderer: Any = structlog.processors.JSONRenderer() if form == "json" else people
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _blot,
    ]
    # JSON has no control characters by itself.
    errors: list[Any] = [structlog.processors.format_exc_info] if form == "json" else [_printable]
    structlog.configure(
        processors=[*shared, *errors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *errors, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.WARNING))
