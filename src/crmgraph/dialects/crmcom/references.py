"""What CRM.COM refers to by identifiers: countries, groups, categories, privacy levels, industries and sectors.

There is no list of these in the store. The ones that the vendor's document prints are known here with all their keys;
any other is known by its name, and has an id that is worked out from it. Countries are those of ISO 3166-1: the ids
that the document prints, and 1000 and the number that ISO gives for the others.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crmgraph.crm.values.countries import country_code_of_name, country_of
from crmgraph.dialects.crmcom.codecs import pairs
from crmgraph.dialects.crmcom.response_formats import ResponseFormat, ordered
from crmgraph.mapping import Codec, Unreadable

Object = dict[str, Any]

_SPACE = uuid.UUID("6f0c9a3e-58d4-4c39-9d1f-0d3a0d1b7c11")
"""The namespace of ids that are worked out from names."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One kind of thing that is referred to.

    Attributes:
        keys: of the object in answers, in their order.
        by: the fields by which a request may name it, the first that is known before the others.
        known: the things that the document prints.
    """

    title: str
    keys: tuple[str, ...]
    by: tuple[str, ...]
    known: tuple[Mapping[str, Any], ...]

    def named(self, name: str | None) -> Object | None:
        """The object of this name."""
        if name is None:
            return None
        for thing in self.known:
            if thing["name"] == name:
                return {key: thing.get(key) for key in self.keys}
        made = uuid.uuid5(_SPACE, f"{self.title}:{name}").hex.upper()
        return dict.fromkeys(self.keys) | {"name": name, "id": made}

    def read(self, value: Any) -> Object | None:
        """The object that an identifier means.

        Raises:
            Unreadable: it is no identifier, or of a thing that is not known. A name is always known.
        """
        if value is None:
            return None
        given = pairs(value)
        if not given.keys() & set(self.by):
            raise Unreadable
        for name in self.by:
            if name in given:
                for thing in self.known:
                    if str(thing.get(name)) == given[name]:
                        return {key: thing.get(key) for key in self.keys}
        if "name" not in given:
            raise Unreadable("reference")
        return self.named(given["name"])

    def read_name(self, value: Any) -> str | None:
        """The name that an identifier means, where the store keeps the name alone.

        Raises:
            Unreadable: see `read`.
        """
        found = self.read(value)
        return None if found is None else found["name"]

    def whole(self, keys: Iterable[str] | None = None) -> Codec:
        """The object, where it is kept whole.

        Args:
            keys: in the order of an answer that has another one than `keys`.
        """
        order = tuple(keys or self.keys)
        return Codec(self.read, lambda kept: ordered(kept, order) if isinstance(kept, dict) else kept)

    @property
    def by_name(self) -> Codec:
        """The object, where the store keeps its name."""
        return Codec(self.read_name, self.named)


CATEGORY = Reference(
    "category",
    ("name", "id", "code"),
    ("id", "name", "code"),
    (
        {"name": "Contact Category", "id": "486B0C17A39E5F5339BD16B288AE12FE", "code": "Contact Category"},
        {"name": "Clients", "id": "BF9E138C477E2450F2DB2C40CB5DF7FB", "code": "CLS"},
    ),
)
GROUP = Reference(
    "group",
    ("community_name", "name", "id", "description", "alternative_code"),
    ("id", "name", "alternative_code"),
    (
        {
            "community_name": "Internal Community",
            "name": "Main Group",
            "id": "84F33366CB592BAAE7E2044D93611C6A",
            "description": "Main Group",
            "alternative_code": "MG1",
        },
        {
            "community_name": "Main Community",
            "name": "Nicosia Office",
            "id": "68D54DA033606669621E3D2E4B355DA0",
            "description": None,
            "alternative_code": "NO",
        },
    ),
)
PRIVACY_LEVEL = Reference(
    "privacy level",
    ("number", "hierarchy_level", "name", "id"),
    ("id", "name", "number"),
    (
        {
            "number": "8",
            "hierarchy_level": 0,
            "name": "Regular Customers",
            "id": "EDE9CDE326E4F9846A50D5BCF61CD720",
        },
        {"hierarchy_level": 3, "name": "Moderate", "id": "9450216690684C416363B57DAD4596C3"},
        {"hierarchy_level": 1, "name": "3", "id": "0BA1A4672D1A071351BB1297A99F2915"},
    ),
)
INDUSTRY = Reference(
    "industry",
    ("name", "id", "code"),
    ("id", "name", "code"),
    (
        {"name": "Marketing", "id": "31BC2070C79EAE5455BFAD41599C5190", "code": "MK"},
        {"name": "Interior Design", "id": "06B638258885DA26FA2BD40D9128D04E", "code": "INTDS"},
        {"name": "Industry2", "id": "39E3A8C68925F4216D79C7EEBD71D4B4", "code": "Ind2"},
    ),
)
SECTOR = Reference(
    "industry sector",
    ("name", "id", "alternative_code"),
    ("id", "name", "alternative_code"),
    (
        {"name": "FOREX", "id": "D8ACF18AB4494AD33738A9F4C94E6995", "alternative_code": "FRX"},
        {"name": "EDUCATION", "id": "AF6E0855324153EAB8B582A277147BCE", "alternative_code": "1"},
        {"name": "GOVERNMENTAL", "id": "A9BDEBD4D8FAEDB0BACE40C041156D12", "alternative_code": "GOV"},
    ),
)
REFERENCES = (CATEGORY, GROUP, PRIVACY_LEVEL, INDUSTRY, SECTOR)

COUNTRY_BY = ("id", "two_character_code", "three_character_code", "name", "alternative_code")
_IDS = {"CY": "181", "GR": "209", "US": "127", "HN": "225", "GB": "126", "CU": "180"}
_CODES = {number: code for code, number in _IDS.items()}
_OTHERS = 1000
"""What stands before the number of ISO in the ids of countries that the document does not print."""


def read_country(value: Any) -> str | None:
    """ISO 3166-1 alpha-2 of the country that an identifier means.

    Raises:
        Unreadable: it is no identifier, there is no such country, or its parts name several. A name beside a code may
            be one that nobody knows.
    """
    if value is None:
        return None
    given = pairs(value)
    named = [
        _by_id(given[name]) if name == "id" else country_code_of_name(given[name])
        for name in COUNTRY_BY
        if name in given
    ]
    if not named:
        raise Unreadable
    if named[0] is None:
        raise Unreadable("country")
    if any(each not in (None, named[0]) for each in named):
        raise Unreadable("contradiction")
    return named[0]


def _by_id(given: str) -> str | None:
    if given in _CODES:
        return _CODES[given]
    if given.isascii() and given.isdecimal() and len(given) == 4 and int(given) >= _OTHERS:
        found = country_of(given[1:])
        if found is not None and found.alpha_2 not in _IDS:
            return found.alpha_2
    return None


def country(code: str | None, name: str | None, keys: tuple[str, ...]) -> Object | None:
    """The object of a country.

    Args:
        code: ISO 3166-1 alpha-2.
        name: what stands in its place where it names no country that ISO knows.
        keys: of the object, in their order.
    """
    known = country_of(code)
    found: Object = dict.fromkeys(keys)
    if known is not None:
        found |= {
            "three_character_code": known.alpha_3,
            "two_character_code": known.alpha_2,
            "name": known.name.upper(),
            "id": _IDS.get(known.alpha_2) or str(_OTHERS + int(known.numeric)),
            "alternative_code": None,
        }
    elif name:
        found |= {"name": name}
    else:
        return None
    return ordered(found, keys)


SHORT = ("name", "id")
"""The keys of a country in brief."""


def countries_of(fmt: ResponseFormat) -> Callable[..., Object | None]:
    """How answers in this format have a country, of its code, and the name that stands in its place."""
    keys = SHORT if fmt.short_countries else fmt.objects["country"]
    return lambda code, name=None: country(code, name, keys)


def short_country(code: str | None) -> Object | None:
    """The object of a country in brief."""
    return country(code, None, SHORT)
