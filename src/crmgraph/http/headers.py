"""A header of a request, for those that are read with every one: to make a table of all takes longer than to look."""

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def header_of(scope: Mapping[str, Any], name: bytes, otherwise: T | str = "") -> T | str:
    """The value of a header, the first of several.

    Args:
        scope: of ASGI.
        name: in small letters.
        otherwise: what there is without one.
    """
    for own_name, value in scope["headers"]:
        if own_name == name:
            return str(value, "latin-1")
    return otherwise


def headers_of(scope: Mapping[str, Any], name: bytes) -> list[str]:
    """All values of a header.

    Args:
        scope, name: see `header_of`.
    """
    return [str(value, "latin-1") for own_name, value in scope["headers"] if own_name == name]
