"""Numbering plans: what libphonenumber knows of each country's, compiled once, for numbers that are written in full.

Of a number that begins with a plus and the code of its country nothing has to be found out but whether it is given out
there. libphonenumber takes the text apart in a dozen steps first, for whoever writes otherwise.
"""

import re
from functools import cache
from typing import Any, NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

_LONGEST_CODE = 3


class _Kind(NamedTuple):
    """A kind of numbers of a region.

    Attributes:
        lengths: how many digits they have; none is as many as any number of the region.
    """

    lengths: frozenset[int]
    pattern: re.Pattern[str]

    def fits(self, number: str) -> bool:
        return (not self.lengths or len(number) in self.lengths) and self.pattern.fullmatch(number) is not None


class _Region(NamedTuple):
    """One of the regions that have a code.

    Attributes:
        leading: with what all numbers of the region begin, where that tells it from the others.
        any: any number of it.
        kinds: the kinds of those that are given out, the frequent ones first.
    """

    leading: re.Pattern[str] | None
    any: _Kind
    kinds: tuple[_Kind, ...]

    def gives_out(self, number: str) -> bool:
        return self.any.fits(number) and any(kind.fits(number) for kind in self.kinds)


class _Plan(NamedTuple):
    """The plan of all that have one code.

    Attributes:
        lengths: how many digits follow the code in a number that can be dialled from anywhere.
        prefix: what is dialled before a number within the country; who writes it after the code may mean no digit of
            the number.
    """

    lengths: frozenset[int]
    prefix: re.Pattern[str] | None
    regions: tuple[_Region, ...]


def is_given_out(digits: str) -> bool:
    """Whether the digits behind a plus are, just as they stand, a number that is given out; see `is_valid_number`.

    Where they are not, they may still be one that is written with more, and libphonenumber has to be asked.
    """
    for end in range(1, _LONGEST_CODE + 1):
        if (plan := _plan(digits[:end])) is not None:
            return _is_of(plan, digits[end:])
    return False


def _is_of(plan: _Plan, number: str) -> bool:
    if len(number) not in plan.lengths or number.startswith("0"):
        return False
    if plan.prefix is not None and plan.prefix.match(number):
        return False
    for region in plan.regions:
        if region.leading is None:
            if region.gives_out(number):
                return True
        elif region.leading.match(number):
            return region.gives_out(number)
    return False


@cache
def _plan(code: str) -> _Plan | None:
    """The plan of the code of a country; None of what is none."""
    codes = COUNTRY_CODE_TO_REGION_CODE.get(int(code)) if code else None
    if codes is None or code.startswith("0"):
        return None
    found: list[Any] = [PhoneMetadata.metadata_for_region_or_calling_code(int(code), region) for region in codes]
    main, prefix = found[0], found[0].national_prefix_for_parsing
    lengths = frozenset(main.general_desc.possible_length) - frozenset(main.general_desc.possible_length_local_only)
    alone = len(found) == 1
    return _Plan(lengths, re.compile(prefix) if prefix else None, tuple(_region(each, alone=alone) for each in found))


def _region(known: Any, *, alone: bool) -> _Region:
    leading = None if alone or known.leading_digits is None else re.compile(known.leading_digits)
    kinds = (
        known.mobile,
        known.fixed_line,
        known.premium_rate,
        known.toll_free,
        known.shared_cost,
        known.voip,
        known.personal_number,
        known.pager,
        known.uan,
        known.voicemail,
    )
    whole = _kind(known.general_desc)
    if whole is None:
        raise ValueError(f"libphonenumber says of {known.id} nothing of all of its numbers")
    return _Region(leading, whole, tuple(kind for each in kinds if (kind := _kind(each)) is not None))


def _kind(described: Any) -> _Kind | None:
    pattern = getattr(described, "national_number_pattern", None)
    if not pattern:
        return None
    return _Kind(frozenset(getattr(described, "possible_length", ())), re.compile(pattern))
