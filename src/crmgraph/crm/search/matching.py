"""Matches: in which of its values a record was found, and what of them matched.

The part that matched stands between U+2068 and U+2069, the signs of Unicode that isolate a run of text: they show
nothing by themselves, and are no markup of anybody's.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crmgraph.crm.models import Address, Email, Phone, SearchField
from crmgraph.crm.query import snapshots
from crmgraph.crm.search.question import Word
from crmgraph.crm.search.terms import RECORDS, SOURCES, is_sign, phone_terms, words_of
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.search_terms import BACKWARDS

BEGIN, END = "\u2068", "\u2069"
"""Around what matched."""
MAX_EXCERPT = 200
"""How much of a value is told, in characters."""

ROWS: tuple[Any, ...] = (Email, Phone, Address)
"""The models of rows in which a record may be found, beside its own."""
READ: dict[Any, tuple[str, ...]] = {
    **{model: tuple(name for name, _ in SOURCES[model]) for model in RECORDS},
    Email: ("address", "address_key"),
    Phone: ("raw", "e164", "digits"),
    Address: ("city",),
}
"""{model: the columns that `matches` looks at}, of rows beside `active`."""

_TOKEN = re.compile(r"[^\W_]+(?:['\u2019\u02bc\u00b4`][^\W_]+)*")
_OURS = re.compile(f"[{BEGIN}{END}]")


@dataclass(frozen=True, slots=True)
class Match:
    """A value in which something was found.

    Attributes:
        path: the columns that lead to it, with the list of rows first, e.g. ("emails", "address").
        excerpt: the value with its matches marked.
    """

    path: tuple[str, ...]
    excerpt: str


def made(model: Any, values: Sequence[Any]) -> Any:
    """A record, or an active row of one, that has nothing but the values of `READ`."""
    return snapshots.instance(model, {**dict(zip(READ[model], values, strict=True)), "active": True})


def matches(words: Sequence[Word], record: Any, rows: Iterable[Any], account: str | None = None) -> list[Match]:
    """Where a record was found, the place that tells most first.

    Args:
        words: what it was found by, see `Hit.words`.
        rows: its phones, emails and addresses; those that are not active are passed over.
        account: the name of its account; None where it has none.
    """
    prefixes = [prefix for word in words for prefix in word.prefixes]
    found: list[tuple[SearchField, Match]] = []
    for name, field in SOURCES[type(record)]:
        if text := getattr(record, name):
            found += [(field, Match((name,), each)) for each in _marked(text, _in_text(text, prefixes))]
    for row in rows:
        if not row.active:
            continue
        match row:
            case Email():
                found += [
                    (SearchField.EMAIL, Match(("emails", "address"), each))
                    for each in _marked(row.address, _in_email(row.address, row.address_key, prefixes))
                ]
            case Phone():
                found += [
                    (SearchField.PHONE, Match(("phones", "raw"), each))
                    for each in _marked(row.raw, _in_number(row, prefixes))
                ]
            case Address() if row.city:
                found += [
                    (SearchField.CITY, Match(("addresses", "city"), each))
                    for each in _marked(row.city, _in_text(row.city, prefixes))
                ]
    if account:
        marked = _marked(account, _in_text(account, prefixes))
        found += [(SearchField.ACCOUNT, Match(("account", "name"), each)) for each in marked]
    found.sort(key=lambda each: each[0])
    return list(dict.fromkeys(match for _, match in found))


def _in_text(text: str, prefixes: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The beginnings of words that match, as half-open ranges."""
    for token in _TOKEN.finditer(text):
        for word in words_of(token[0]):
            length = max((len(prefix) for prefix in prefixes if word.startswith(prefix)), default=0)
            if length:
                yield token.start(), token.start() + _reaching(token[0], length)
            elif len(word) == len(token[0]):
                for prefix in filter(is_sign, prefixes):
                    if (place := word.find(prefix)) > 0:
                        yield token.start() + place, token.start() + place + len(prefix)


def _reaching(token: str, length: int) -> int:
    """How many characters of a token make as many of its key: ß is two there, and an accent of its own none."""
    for i in range(1, len(token)):
        if sum(map(len, words_of(token[:i]))) >= length and fold(token[: i + 1]) != fold(token[:i]):
            return i
    return len(token)


def _in_email(address: str, key: str, prefixes: Sequence[str]) -> Iterator[tuple[int, int]]:
    local = key.rpartition("@")[0]
    if len(address) != len(key):
        # The domain is written as an A-label, say: the key has other places.
        whole = [key, key[len(local) + 1 :], *words_of(local)]
        if any(each.startswith(prefix) for each in whole for prefix in prefixes):
            yield 0, len(address)
        return
    for prefix in prefixes:
        if key.startswith(prefix):
            yield 0, len(prefix)
        elif key.startswith(prefix, len(local) + 1):
            yield len(local) + 1, len(local) + 1 + len(prefix)
    yield from _in_text(address[: len(local)], prefixes)


def _in_number(row: Phone, prefixes: Sequence[str]) -> Iterator[tuple[int, int]]:
    places = [i for i, c in enumerate(row.raw) if c.isdecimal()]
    terms = phone_terms(row.e164, row.digits)
    for prefix in prefixes:
        if not places or not any(term.startswith(prefix) for term in terms):
            continue
        digits = prefix.removeprefix(BACKWARDS)
        backwards = prefix.startswith(BACKWARDS)
        begin = len(row.digits) - len(digits) if backwards else row.digits.find(digits)
        if begin < 0 or begin + len(digits) > len(places):
            yield 0, len(row.raw)  # it was written in another way
        else:
            yield places[begin], places[begin + len(digits) - 1] + 1


def _marked(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    """The text with its matches marked, once; nothing where there are none."""
    ordered = sorted(set(spans))
    if not ordered:
        return
    start = max(0, ordered[0][0] - MAX_EXCERPT // 2) if len(text) > MAX_EXCERPT else 0
    end = start + MAX_EXCERPT
    parts, last = [], start
    for begin, stop in ordered:
        if begin < last or stop > end:
            continue
        parts += [_plain(text[last:begin]), BEGIN, _plain(text[begin:stop]), END]
        last = stop
    yield "".join([*parts, _plain(text[last:end])])


def _plain(text: str) -> str:
    return _OURS.sub("", text)
