"""Countries: ISO 3166-1 codes and the names that people write for them."""

import functools
from typing import Any

import pycountry

from crmgraph.crm.text import fold


@functools.lru_cache(maxsize=4096)
def country_code(text: str | None) -> str | None:
    """ISO 3166-1 alpha-2 of a country given as a code (two or three letters, any case) or an English name."""
    wanted = (text or "").strip()
    if not wanted:
        return None
    folded = fold(wanted)
    if folded in _COMMON_NAMES:
        return _COMMON_NAMES[folded]
    found: Any
    if len(wanted) == 2:
        found = pycountry.countries.get(alpha_2=wanted.upper())
    elif len(wanted) == 3 and wanted.isalpha():
        found = pycountry.countries.get(alpha_3=wanted.upper())
    else:
        found = _countries_by_name().get(folded)
    return str(found.alpha_2) if found is not None else None


def country_name(code: str | None) -> str | None:
    """The English name in common use of an ISO 3166-1 alpha-2 code."""
    country: Any = pycountry.countries.get(alpha_2=code) if code else None
    if country is None:
        return None
    return str(getattr(country, "common_name", None) or country.name)


@functools.cache
def _countries_by_name() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for country in pycountry.countries:
        for attribute in ("name", "official_name", "common_name"):
            if name := getattr(country, attribute, None):
                names[fold(name)] = country
    return names


_COMMON_NAMES = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "usa": "US",
    "united states of america": "US",
    "russia": "RU",
    "south korea": "KR",
    "iran": "IR",
    "syria": "SY",
    "turkey": "TR",
}
