"""One call in which two answers differed, as it is kept and as it is shown: without secrets, values as hashes."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

import orjson

from crmgraph.crm.comparisons import TOKEN, VALUE, Example
from crmgraph.logs import HARMLESS, without_keys
from crmgraph.rest.comparing import Comparing
from crmgraph.security import Keys
from crmgraph.upstream.compare import TOO_DEEP, Difference
from crmgraph.upstream.tee import PassedCall

HASHED = 16
"""How many digits of the hash of a value are kept."""
_PLAIN = re.compile(r"[\w.,:;*()=%/ +-]{0,200}", re.ASCII)
_PEOPLE = re.compile(r"@|%40", re.IGNORECASE)


def example_of(
    call: PassedCall, difference: Difference, comparing: Comparing, keys: Keys, *, keep_values: bool
) -> Example:
    """A call in which a field differed, as it is kept.

    Args:
        keys: make hashes from which nobody finds the values.
        keep_values: whether values are kept: personal data.
    """
    control, candidate = _written(difference.control), _written(difference.candidate)
    query = "&".join(
        _parameter(each, comparing, keep_values=keep_values) for each in call.query.decode("latin-1").split("&") if each
    )
    path = without_keys(call.path.decode("latin-1")).replace("***", VALUE)
    return Example(
        method=call.method,
        target=f"{path}?{query}" if query else path,
        headers=_headers(call, comparing),
        control_hash=keys.marks(control)[0][:HASHED],
        candidate_hash=keys.marks(candidate)[0][:HASHED],
        control=control if keep_values else None,
        candidate=candidate if keep_values else None,
    )


def _written(value: Any) -> str:
    if value is None:
        return ""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # it is nested deeper than is written, though not deeper than is read
        return TOO_DEEP


def _parameter(given: str, comparing: Comparing, *, keep_values: bool) -> str:
    name, separator, value = given.partition("=")
    plain_name = unquote_plus(name)
    if not _PLAIN.fullmatch(name):
        return VALUE
    if plain_name in comparing.secrets:
        return f"{name}{separator}{TOKEN}"
    known = plain_name in HARMLESS or plain_name in comparing.plain
    if keep_values or not value or (known and _PLAIN.fullmatch(value) and not _PEOPLE.search(value)):
        return given
    return f"{name}{separator}{VALUE}"


def _headers(call: PassedCall, comparing: Comparing) -> Mapping[str, str]:
    given = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers}
    return {name: (told or given[name])[:200] for name, told in comparing.sends.items() if name in given}
