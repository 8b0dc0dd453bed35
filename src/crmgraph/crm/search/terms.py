"""Terms: the words by which a row is found. They are a function of the row alone, so that whoever writes a row knows
what changes in the index without reading anything else.

Text is folded as every search folds it (`values/folding.py`) and taken apart at whatever is no letter or digit. Of an
email the whole address, the words of its local part and its domain are terms; of a telephone number its digits with and
without the code of the country, and from the last one backwards, which is how its last digits are found. What
`parts.py` adds to them is found by no search.
"""

import re
from collections.abc import Container, Iterable, Mapping
from itertools import chain, islice
from typing import Any, NamedTuple, TypeAlias

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from crmgraph.crm.models import PARTED, Account, Address, Contact, Email, Lead, Phone, SearchField
from crmgraph.crm.search.parts import terms_of_runs, terms_of_runs_in_email
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.search_terms import BACKWARDS, MAX_TERM

MAX_WORDS = 16
"""The most words of one value that are kept."""

_APOSTROPHE = re.compile("'")
_WORD = re.compile(r"[^\W_]+")
_ZEROS = re.compile("^0+")
_SIGN = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")
"""A sign of Chinese, Japanese or Korean, where no blanks part words and one sign may be a word."""


Changed: TypeAlias = tuple[Any, dict[str, Any]]
"""A row, and {column: what it held} of those columns that have changed since it was read."""


class Term(NamedTuple):
    """A row of the index; see `SearchTerm`."""

    party_id: int
    term: str
    field: int
    source_id: int


_term = tuple.__new__
"""Makes a tuple with names, for a third of what its constructor takes."""

_PERSON = (
    ("number", SearchField.NUMBER),
    ("last_name", SearchField.LAST_NAME),
    ("first_name", SearchField.FIRST_NAME),
    ("middle_name", SearchField.MIDDLE_NAME),
)
SOURCES: dict[type, tuple[tuple[str, SearchField], ...]] = {
    Contact: (*_PERSON, ("nickname", SearchField.NICKNAME)),
    Account: (("number", SearchField.NUMBER), ("name", SearchField.NAME)),
    Lead: (*_PERSON, ("company", SearchField.COMPANY)),
    Email: (("address_key", SearchField.EMAIL),),
    Phone: (("e164", SearchField.PHONE), ("digits", SearchField.PHONE)),
    Address: (("city", SearchField.CITY),),
}
"""{model: (column, what it is to a search)} of all that is searched."""
RECORDS = frozenset({Contact, Account, Lead})
_PHONE, _EMAIL = SearchField.PHONE.value, SearchField.EMAIL.value
_PLACES = {
    model: tuple((name, field.value, field in PARTED) for name, field in sources) for model, sources in SOURCES.items()
}
"""{model: (column, the number of its place, whether parts of its words are found)}."""
_OF_ROW = frozenset({"active", "party_id"})
"""The columns of a row on which all of its terms depend."""
_READ: dict[type, frozenset[str]] = {
    model: frozenset({"id", *(name for name, _ in of)} | (set() if model in RECORDS else _OF_ROW))
    for model, of in SOURCES.items()
}
"""{model: the columns that its terms depend on}."""


def words_of(text: str | None) -> list[str]:
    """The words of a text in the form that they are compared in."""
    return _WORD.findall(_APOSTROPHE.sub("", fold(text)))


def is_sign(text: str) -> bool:
    """Whether a text begins with a sign of a script that does not part its words."""
    return _SIGN.match(text) is not None


def indexed_words(text: str | None) -> list[str]:
    """The words by which a text is found: those of `words_of`, and where no blanks part them what begins at each sign.

    At most `MAX_WORDS`, whole words before their ends.
    """
    return _indexed(text, fold(text))


def _indexed(text: str | None, folded: str) -> list[str]:
    words = _WORD.findall(_APOSTROPHE.sub("", folded))[:MAX_WORDS]
    if text is None or text.isascii():
        return list(dict.fromkeys(words))
    ends = (word[i:] for word in words for i in range(1, len(word)) if is_sign(word[i]))
    return list(dict.fromkeys(islice(chain(words, ends), MAX_WORDS)))


def terms_of(row: Any) -> list[Term]:
    """The terms of a row; of one that is no source, none.

    Args:
        row: a record or one of its rows, which has its id.
    """
    return terms_of_values(type(row), vars(row))


def terms_of_values(model: type, held: Mapping[str, Any], among: Container[str] | None = None) -> list[Term]:
    """The same of what a row holds, by the names of its columns.

    Args:
        among: only what of these columns is words; None is all. Of other columns no term is the same.
    """
    own = model in RECORDS
    if model not in SOURCES or not (own or held["active"]):
        return []
    party_id, source_id = held["id" if own else "party_id"], held["id"]
    return [_term(Term, (party_id, text[:MAX_TERM], field, source_id)) for text, field in _texts(model, held, among)]


def _texts(model: type, held: Mapping[str, Any], among: Container[str] | None) -> list[tuple[str, int]]:
    if model is Phone:
        return [(each, _PHONE) for each in phone_terms(held["e164"], held["digits"])]
    if model is Email:
        terms = email_terms(held["address_key"])
        return [(each, _EMAIL) for each in (*terms, *terms_of_runs_in_email(held["address_key"], terms))]
    found: list[tuple[str, int]] = []
    for name, place, parted in _PLACES[model]:
        if (among is None or name in among) and (text := held[name]):
            folded = fold(text)
            words = _indexed(text, folded)
            found += [(word, place) for word in words]
            if parted:
                found += [(each, place) for each in terms_of_runs(folded, words)]
    return found


def changed_terms(
    gone: Iterable[Changed], changed: Iterable[Changed], come: Iterable[Any]
) -> tuple[list[Term], list[Term]]:
    """The terms that go and come when rows do.

    Args:
        gone, changed: rows that go, and rows that stay, with what they held before.
        come: rows that are new.
    """
    old: dict[Term, None] = {}
    new: dict[Term, None] = {}
    for row, before in gone:
        old.update(dict.fromkeys(terms_of_values(type(row), {**vars(row), **before})))
    for row, before in changed:
        model = type(row)
        read = _READ.get(model)
        if read is None or read.isdisjoint(before):
            continue
        held = vars(row)
        among = before if _OF_ROW.isdisjoint(before) else None
        was = {name: before[name] if name in before else held[name] for name in read}
        old.update(dict.fromkeys(terms_of_values(model, was, among)))
        new.update(dict.fromkeys(terms_of_values(model, held, among)))
    for row in come:
        new.update(dict.fromkeys(terms_of(row)))
    if not old:
        return [], list(new)
    return [term for term in old if term not in new], [term for term in new if term not in old]


def email_terms(key: str) -> list[str]:
    """The terms of an email by its key: the address, what follows each dot or sign of its local part, the domain."""
    if not key:
        return []
    local, _, domain = key.rpartition("@")
    words = [word for word in words_of(local)[1:MAX_WORDS] if len(word) > 1]
    return list(dict.fromkeys(each for each in (key, *words, domain) if each))


def phone_terms(e164: str | None, digits: str) -> list[str]:
    """The terms of a telephone number: its digits with and without the code of its country, and from the last one on.

    Zeros in front are what is dialled before a number: they are left away, as in what is looked for.
    """
    whole = e164.removeprefix("+") if e164 is not None else without_zeros(digits)
    if not whole:
        return []
    national = "" if e164 is None else whole[_code_length(whole) :]
    backwards = BACKWARDS + (digits if e164 is None else whole)[::-1]
    return list(dict.fromkeys([each for each in (whole, national, backwards) if each]))


def without_zeros(digits: str) -> str:
    """Digits without the zeros in front, which are dialled for another area or country; a lone zero stays."""
    return _ZEROS.sub("", digits) or digits[:1]


def _code_length(digits: str) -> int:
    for n in (1, 2, 3):
        if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE:
            return n
    return 0
