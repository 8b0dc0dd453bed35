"""How values are written, by property: what is written is read back."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmgraph.dialects.zoho import codecs
from crmgraph.mapping import Unreadable

WHOLE_DATES = st.dates().map(lambda day: (day.year, day.month, day.day))
AMOUNTS = st.decimals(-(10**9), 10**9, places=6, allow_nan=False).map(lambda amount: amount.normalize() + 0)
MOMENTS = st.datetimes(timezones=st.just(dt.UTC)).map(lambda at: at.replace(microsecond=0))


@given(WHOLE_DATES)
def test_a_date_is_read_back(parts: tuple[int, int, int]) -> None:
    assert codecs.DATE.read(codecs.DATE.write(parts)) == parts


@given(AMOUNTS)
def test_an_amount_is_read_back_from_json(amount: Decimal) -> None:
    assert codecs.AMOUNT.read(json.loads(json.dumps(codecs.AMOUNT.write(amount)))) == amount


@given(MOMENTS)
def test_a_moment_is_read_back(at: dt.datetime) -> None:
    assert codecs.read_moment(codecs.moment(at)) == at


@given(st.integers(1, 10**19 - 1))
def test_an_id_is_the_same_as_text_and_as_a_number(number: int) -> None:
    assert (
        codecs.id_digits(number)
        == codecs.id_digits(f" {number} ")
        == codecs.id_digits(f"0{number}"[-19:])
        == str(number)
    )


@given(st.one_of(st.text(), st.floats(), st.booleans(), st.none(), st.lists(st.integers()), st.integers()))
def test_nothing_else_is_an_id(value: object) -> None:
    digits = codecs.id_digits(value)
    assert digits is None or (digits.isascii() and digits.isdecimal() and 0 < len(digits) <= 19 and digits[0] != "0")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_every_codec_reads_a_value_or_says_that_it_cannot(value: object) -> None:
    for codec in (
        codecs.TEXT,
        codecs.BOOLEAN,
        codecs.INTEGER,
        codecs.AMOUNT,
        codecs.DATE,
        codecs.DIGITS,
        codecs.LOOKUP,
    ):
        try:
            codec.read(value)
        except Unreadable as unreadable:
            assert unreadable.reason in ("type", "number", "date", "reference")


def test_what_no_clock_shows_is_no_moment() -> None:
    for text in ("yesterday", "2021-13-01T00:00:00Z", "0001-01-01T00:00:00+23:00", "T", "2021-05-11T12:52:29+99:00"):
        with pytest.raises(Unreadable):
            codecs.read_moment(text)
    assert codecs.read_moment("2021-05-11T12:52:29 05:30") == codecs.read_moment("2021-05-11T07:22:29Z")
