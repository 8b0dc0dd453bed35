"""What the core is asked for by a client's filter."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.errors import Invalid
from crmgraph.crm.models.columns import FIRST_MINTED_ID
from crmgraph.crm.query.columns import SEARCHED
from crmgraph.crm.query.conditions import And, By, Compare, HasPoint, HasRecord, Not, Op, Or, Where
from crmgraph.crm.search.question import MAX_TEXT, Word, readings
from crmgraph.crm.values.ago import Ago, ago, zone_of
from crmgraph.crm.values.countries import country_code, country_code_of_name
from crmgraph.crm.values.folding import natural
from crmgraph.crm.values.phone_numbers import Dialled, parse_phone
from crmgraph.crm.values.text import fault_of, is_blank
from crmgraph.graph.schema.bad_input import BadInput, choose
from crmgraph.graph.schema.comparators import (
    AddressFilter,
    AgoFilter,
    EmailFilter,
    ExternalFilter,
    TextFilter,
    ValueFilter,
)
from crmgraph.graph.schema.ids import Prefix, encode, number_of

REFERENCES = {
    "owner": ("owner_id", Prefix.USER),
    "account": ("account_id", Prefix.ACCOUNT),
    "parent": ("parent_id", Prefix.ACCOUNT),
}
"""{field: (column, what its ids are of)}."""
COLUMNS = {name: column for name, (column, _) in REFERENCES.items()} | {"full_name": "full_name_key"}
"""{field: column}, where they are not called alike."""
ROWS: dict[str, Any] = {
    "email": models.Email.address,
    "phone": models.Phone.raw,
    "city": models.Address.city,
    "country": models.Address.country,
}
"""{field: the column of a contact point that it is about}; any other field is about a column of the record."""
RELATED: dict[str, tuple[Any, Any, Any]] = {
    "account_matches": (models.Account, models.Contact.account_id, models.Account.id),
    "any_contact": (models.Contact, models.Account.id, models.Contact.account_id),
}
"""{field: (the model of the other record, the columns that hold the same: of the record, and of the other one)}."""
OF_ITS_OWN = frozenset(
    {"and_", "or_", "not_", "address", "external", "converted", "deleted", "number", "search", *RELATED}
)
"""The fields that are about no column."""
MIN_DIGITS = 4
"""How many digits a number is at least looked for by: fewer are the last ones of too many."""
COMPARATORS = {
    "eq": Op.EQUALS,
    "in_": Op.IN,
    "not_in": Op.IN,
    "starts_with": Op.STARTS_WITH,
    "contains": Op.CONTAINS,
    "ends_with": Op.ENDS_WITH,
    "gt": Op.GT,
    "gte": Op.GE,
    "lt": Op.LT,
    "lte": Op.LE,
}
"""{field of the inputs that compare: the comparator that it is, or whose contrary}; `is_null` is asked in two ways, see
`_null`, and `ago` by two comparators."""


def criterion(model: Any, filter_: Any, path: str) -> And:
    """What a filter asks of the rows of a model.

    Args:
        path: where it stands.

    Raises:
        BadInput: something in it is null, a comparator is empty, a text is blank or cannot be kept, or nothing can be
            asked for like this.
    """
    parts: list[Where] = []
    rows: dict[Any, list[Where]] = {}
    for name, value in _given(filter_, path):
        inner = f"{path}.{_word(name)}"
        match name:
            case "and_":
                parts += [criterion(model, each, f"{inner}.{i}") for i, each in enumerate(value)]
            case "or_":
                parts.append(Or(tuple([criterion(model, each, f"{inner}.{i}") for i, each in enumerate(value)])))
            case "not_":
                parts.append(Not(criterion(model, value, inner)))
            case "address":
                parts.append(_address(value, inner))
            case "external":
                parts.append(_external(value, inner))
            case "deleted":
                if path != "filter":
                    raise BadInput("whole list", inner)
                parts += [Compare(model.deleted_at, Op.IS_NULL, False)] if value else []
            case "number":
                parts += _number(model, value, inner)
            case "search":
                parts.append(_searched(value, inner))
            case "converted":
                parts.append(Compare(models.Lead.converted_at, Op.IS_NULL, not value))
            case _ if name in RELATED:
                parts.append(_related(name, value, inner))
            case _ if name in ROWS and model is not models.Staff:
                column = ROWS[name]
                # What is asked of contact points of one kind is asked of one of them; that there is none, of all.
                for comparator, given in _comparators(name, value, inner):
                    if comparator == "is_null" and given:
                        parts.append(Not(HasPoint(column.class_, _null(column, value, False))))
                    else:
                        rows.setdefault(column.class_, []).append(_compared(column, value, comparator, given))
            case _:
                parts += _of_column(getattr(model, COLUMNS.get(name, name)), name, value, inner)
    parts += [HasPoint(of, And(tuple(asked))) for of, asked in rows.items()]
    return And(tuple(parts))


def _searched(text: str, path: str) -> Where:
    """That each word of a text, in one of the ways to read it, begins a word of the record."""
    _require_something(text, path, "")
    if len(text) > MAX_TEXT:
        raise BadInput(Invalid((), "too_long", MAX_TEXT), path)
    ways = [And(tuple(map(_has_word, words))) for words in readings(text)]
    return ways[0] if len(ways) == 1 else Or(tuple(ways))


def _has_word(word: Word) -> Where:
    term = models.SearchTerm.term
    found = [HasPoint(term.class_, Compare(term, Op.STARTS_WITH, each, By.EXACT)) for each in word.prefixes]
    return found[0] if len(found) == 1 else Or(tuple(found))


def _of_column(column: Any, name: str, value: Any, path: str) -> Iterator[Where]:
    """What is asked of one column: of a yes or no which of the two it is, of a choice that it is one of several."""
    if isinstance(value, bool):
        yield Compare(column, Op.IS, value)
    elif isinstance(value, list):
        yield Compare(column, Op.IN, tuple(value), By.EXACT)
    else:
        for comparator, given in _comparators(name, value, path):
            yield _compared(column, value, comparator, given)


def _number(model: Any, value: ValueFilter, path: str) -> Iterator[Where]:
    """What is asked of the number of a record: found by its key, in which zeros before others do not count."""
    for comparator, given in _comparators("number", value, path):
        if comparator == "is_null":
            yield Compare(model.number, Op.IS_NULL, given)
            continue
        texts = given if isinstance(given, tuple) else (given,)
        same = Compare(model.number, Op.IN, texts)
        if comparator == "not_in":
            yield Not(same)
        else:
            yield And((Compare(model.number_key, Op.IN, tuple(map(natural, texts)), By.EXACT), same))


def _compared(column: Any, comparators: Any, comparator: str, given: Any) -> Where:
    """One comparison of a column.

    Args:
        comparators: the input in which it stands.
    """
    match comparator:
        case "is_null":
            return _null(column, comparators, given)
        case "ago":
            return And(tuple([Compare(column, op, moment) for op, moment in given]))
        case "eq" if isinstance(given, bool):
            return Compare(column, Op.IS, given)
    compare = Compare(column, COMPARATORS[comparator], given)
    numbers = [each for each in (given if isinstance(given, tuple) else (given,)) if isinstance(each, Dialled)]
    if any(each.region for each in numbers):
        # What is written alike elsewhere is another number.
        dialled = tuple([number for each in numbers for number in each.numbers(None)])
        unknown = Compare(models.Phone.e164, Op.IS_NULL, True)
        return And((compare, Or((unknown, Compare(models.Phone.e164, Op.IN, dialled, By.EXACT)))))
    return Not(compare) if comparator == "not_in" else compare


def _address(filter_: AddressFilter, path: str) -> HasPoint:
    parts: list[Where] = []
    active, primary = True, None
    for name, value in _given(filter_, path):
        if name == "active":
            active = value
        elif name == "primary":
            primary = value
        else:
            parts += _of_column(getattr(models.Address, name), name, value, f"{path}.{_word(name)}")
    if filter_ == AddressFilter():
        raise BadInput("empty", path, choose=_words(filter_))
    return HasPoint(models.Address, And(tuple(parts)), active=active, primary=primary)


def _external(filter_: ExternalFilter, path: str) -> Where:
    of = models.ExternalId
    if bool(filter_.dialect) == bool(filter_.system):
        raise BadInput("one of", path, {"choices": ["dialect", "system"]}, choose="`dialect` and `system`")
    system = filter_.dialect.value if filter_.dialect else (filter_.system or "").lower()
    own: list[Where] = [Compare(of.dialect, Op.EQUALS, system, By.EXACT)]
    found: list[Where] = []
    for name, value in _given(filter_, path):
        inner = f"{path}.{_word(name)}"
        if name in ("space", "system"):
            _require_something(value, inner, "")
        if name == "space":
            own.append(Compare(of.space, Op.EQUALS, value, By.EXACT))
        elif name == "value":
            for comparator, given in _comparators(name, value, inner):
                if comparator != "is_null":
                    compare = Compare(of.value, COMPARATORS[comparator], given, By.EXACT)
                    found.append(Not(compare) if comparator == "not_in" else compare)
                elif given:
                    return Not(HasPoint(of, And(tuple(own))))
    return HasPoint(of, And((*own, *found)))


def _related(name: str, filter_: Any, path: str) -> HasRecord:
    of, own, other = RELATED[name]
    where = criterion(of, filter_, path)
    if any(isinstance(each, HasRecord) for each in _walk(where)):
        raise BadInput("one step", path)
    return HasRecord(of, own, other, where)


def _walk(where: Where) -> Iterator[Where]:
    yield where
    match where:
        case And() | Or():
            for each in where.of:
                yield from _walk(each)
        case Not():
            yield from _walk(where.of)


def _null(column: Any, comparators: Any, absent: bool) -> Where:
    """That there is no value, which a text has none of that nothing is left of in its key."""
    if not isinstance(comparators, TextFilter | EmailFilter | ValueFilter):
        return Compare(column, Op.IS_NULL, absent)
    empty = Compare(SEARCHED[column].key, Op.EQUALS, "", By.EXACT)
    return empty if absent else Not(empty)


def _comparators(name: str, comparators: Any, path: str) -> list[tuple[str, Any]]:
    """(comparator, value) of what a client compares a field with: ids as our numbers, times ago as comparisons."""
    _, prefix = REFERENCES.get(name, (name, None))
    found = []
    for comparator, value in _given(comparators, path):
        inner = f"{path}.{_word(comparator)}"
        if comparator == "region":
            _require_countries(value, inner)
            continue
        _require_something(value, inner, _hint(comparators))
        if isinstance(value, AgoFilter):
            value = _ago(value, inner)
        if name == "phone" and comparator == "ends_with":
            _require_digits(value, inner)
        elif name == "phone" and comparator != "is_null":
            value = _dialled(value, comparators.region)
        if name == "country" and comparator != "is_null":
            _require_countries(value, inner)
        if prefix is not None and comparator != "is_null":
            value = _numbers(prefix, value, inner)
        found.append((comparator, tuple(value) if isinstance(value, list) else value))
    if not found:
        raise BadInput("empty", path, choose=_words(comparators))
    return found


def _numbers(prefix: Prefix, value: str | list[str], path: str) -> int | list[int]:
    """What ids of one kind are in the store; whether anything has them is not asked.

    Raises:
        BadInput: one of them is an id of something else, or none.
    """
    found = []
    for i, text in enumerate(value if isinstance(value, list) else [value]):
        number = number_of(prefix, text)
        if number is None:
            place = f"{path}.{i}" if isinstance(value, list) else path
            raise BadInput("id", place, example=encode(prefix, FIRST_MINTED_ID + 1))
        found.append(number)
    return found if isinstance(value, list) else found[0]


def _dialled(value: str | list[str], region: Any) -> Any:
    """Numbers as they are dialled in a region, or anywhere."""
    code = country_code(region) if region else None
    return [Dialled(each, code) for each in value] if isinstance(value, list) else Dialled(value, code)


def _require_digits(value: str, path: str) -> None:
    count = len(parse_phone(value, None).digits)
    if count < MIN_DIGITS:
        raise BadInput("digits", path, {"least": MIN_DIGITS}, count=count)


def _words(input_: Any) -> str:
    return choose(_word(field.name) for field in fields(input_) if field.name != "region")


def _ago(filter_: AgoFilter, path: str) -> list[tuple[Op, Ago]]:
    """The comparisons that durations make.

    Raises:
        BadInput: there is none, one is of another form, or no zone has this name.
    """
    if zone_of(filter_.zone) is None:
        raise BadInput(Invalid((), "zone"), f"{path}.zone")
    found = []
    for name, value in _given(filter_, path):
        if name == "zone":
            continue
        moment = ago(value, filter_.zone)
        if moment is None:
            raise BadInput("duration", f"{path}.{_word(name)}")
        found.append((Op.GE if name == "from_" else Op.LE, moment))
    if not found:
        raise BadInput("empty", path, choose="`from`, `to`")
    return found


def _given(input_: Any, path: str) -> list[tuple[str, Any]]:
    """(Python name, value) of what a client gave.

    Raises:
        BadInput: something is null, as a variable is that somebody forgot: that must not find everybody.
    """
    given = [(field.name, getattr(input_, field.name)) for field in fields(input_)]
    for name, value in given:
        if value is None:
            raise BadInput("null", f"{path}.{_word(name)}", hint=_hint(input_))
    return [(name, value) for name, value in given if value is not UNSET]


def _require_something(value: Any, path: str, hint: str) -> None:
    if isinstance(value, list):
        for i, each in enumerate(value):
            _require_something(each, f"{path}.{i}", hint)
    elif isinstance(value, str) and is_blank(value):
        raise BadInput("blank", path, hint=hint)
    elif isinstance(value, str) and (fault := fault_of(value)):
        raise BadInput(Invalid((), *fault), path)


def _hint(input_: Any) -> str:
    return " `isNull: true` finds those that have none." if hasattr(input_, "is_null") else ""


def _word(name: str) -> str:
    """What a field of an input is called in the schema."""
    first, *others = name.rstrip("_").split("_")
    return first + "".join(map(str.capitalize, others))


def _require_countries(value: str | list[str], path: str) -> None:
    """Whether countries are named by their codes.

    Raises:
        BadInput: one of them is not.
    """
    for i, code in enumerate(value if isinstance(value, list) else [value]):
        if country_code(code) is None:
            place = f"{path}.{i}" if isinstance(value, list) else path
            raise BadInput(Invalid((), "country", meant=country_code_of_name(code)), place)
