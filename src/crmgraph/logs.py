"""Logs: one line an event, with the request's id, and without anything secret."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request in hand, also told to its client."""

SECRET_KEYS = re.compile(r"pass|secret|token|authorization|cookie|card|cvv|cvc|api_?key", re.IGNORECASE)
_SECRET_QUERY = re.compile(
    r"((?:^|[?&])[^=&]*(?:pass|secret|token|code|api_?key|id_number|social_security|identifier)[^=&]*=)[^&]*",
    re.IGNORECASE,
)
_PHOTO_KEY = re.compile(r"^(/photos/)[^/]*|^(/[^/-]*-)[^/]*(?=/photo)")


def without_keys(path: str) -> str:
    """A path without the key by which alone a photo is opened: ours, and the one in the folder that Valomnia prints."""
    return _PHOTO_KEY.sub(lambda found: f"{found[1] or found[2]}***", path)


def without_secrets(query: str) -> str:
    """A query string without tokens, passwords and identity documents; CRM.COM's clients put theirs there."""
    return _SECRET_QUERY.sub(r"\1***", query)


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
    # Plain, for the handsome form of a traceback prints the values of all variables, passwords among them.
    people = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    renderer: Any = structlog.processors.JSONRenderer() if form == "json" else people
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _blot,
    ]
    errors = [structlog.processors.format_exc_info] if form == "json" else []
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
