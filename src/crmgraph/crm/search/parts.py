"""Parts of words: what leads from a part of a text to the terms of those who have it somewhere in theirs.

Every run of letters of a text (`values/search_terms.py`) is where a term of its row begins; where none does, it has a
term of its own, which no search finds. The runs are kept once for all records, with each of their ends.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crmgraph.crm.models import PARTED, SearchField
from crmgraph.crm.values.search_terms import INNER, LEAST_RUN, LONG, MAX_PARTED, MAX_TERM, first_run, runs

MAX_INNER = 16
"""The most terms of one text that are there for its runs alone; a text that needs more is taken for a long one."""

_PLAIN = re.compile("[a-z]{1,30}(?: [a-z]{1,30}){0,2}")
_PLAIN_LOCAL = re.compile("[a-z]{1,60}[0-9]*(?:[._-][a-z]{2,}[0-9]*)?")
"""Of most texts, and of the local parts of most emails, each run begins a term."""
_PARTED = frozenset(map(int, PARTED))


class Run(NamedTuple):
    """A run that is looked for.

    Attributes:
        field: the place, a `SearchField`.
        word: what leads to the terms, see `SearchPart`.
        ends: how many parts it has.
    """

    field: int
    run: str
    word: str
    ends: int


def terms_of_runs(text: str, terms: Iterable[str]) -> Iterator[str]:
    """The terms that a text has because of runs with which none of its words begins.

    Args:
        text: in the form that is compared.
        terms: its words, as they are indexed.
    """
    if _PLAIN.fullmatch(text):
        return
    if len(text) > MAX_PARTED:
        yield LONG
        return
    found = runs(text)
    if not found:
        return
    led = {first_run(term[:MAX_TERM]) for term in terms}
    lacking = [run for run in dict.fromkeys(found) if run not in led]
    if len(lacking) > MAX_INNER or any(len(run) >= MAX_TERM for run in lacking):
        yield LONG
        return
    yield from (INNER + run for run in lacking)


def terms_of_runs_in_email(key: str, terms: Iterable[str]) -> Iterator[str]:
    """The same of an email. Its domain is a word as a whole, which others share."""
    local, _, domain = key.rpartition("@")
    if not _is_domain(domain):
        yield from terms_of_runs(key, terms)
    elif len(domain) > MAX_TERM:
        yield LONG
    elif not _PLAIN_LOCAL.fullmatch(local):
        yield from terms_of_runs(local, [term for term in terms if term != domain])


def runs_of(terms: Iterable[tuple[int, str, int, int]]) -> list[Run]:
    """The runs that lead to some terms, each once."""
    found: dict[Run, None] = {}
    for _, term, field, _ in terms:
        if field in _PARTED:
            found.update(dict.fromkeys(_runs_of(term, field)))
    return list(found)


def parts_of(field: int, word: str) -> list[str]:
    """The parts that a word has, see `SearchPart`."""
    found = runs(word) if field == SearchField.EMAIL and _is_domain(word) else [word]
    return list(dict.fromkeys(run[i:] for run in found for i in range(_run(field, run, word).ends)))


def _runs_of(term: str, field: int) -> Iterator[Run]:
    if term.startswith(INNER):
        yield _run(field, term[1:], term[1:])
    elif field == SearchField.EMAIL and _is_domain(term):
        yield from (_run(field, run, term) for run in runs(term))
    elif (run := first_run(term)) is not None:
        yield _run(field, run, run)


def _run(field: int, run: str, word: str) -> Run:
    return Run(field, run, word, len(run) - (LEAST_RUN - 1 if run.isascii() else 0))


def _is_domain(term: str) -> bool:
    """Whether a term of an email is its domain, and not one of the words before it."""
    return "@" not in term and ("." in term or "-" in term)
