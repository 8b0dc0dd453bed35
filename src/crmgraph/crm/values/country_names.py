"""Writes `country_names.tsv`: `python -m crmgraph.crm.values.country_names`. Nothing that serves imports this.

The names of all countries in all languages of CLDR (Babel), those of ISO 3166-1 (pycountry), and what else people
write. To read them takes Babel seconds, so they are kept in the form in which they are looked up.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pycountry
from babel import localedata

from crmgraph.crm.values.countries import DATA, Country, name_key

KOSOVO = Country("XK", "XKX", "983", "Kosovo")
"""ISO 3166-1 has no code for it; XK is what CLDR, the EU and libphonenumber use, 983 is CLDR's number."""

NOT_SPOKEN = ("tok",)
"""Languages that were made up, whose names of countries would stand in the way of others'."""

ALIASES = {
    "AE": "UAE, Emirates, The Emirates",
    "AG": "Antigua, Barbuda",
    "AT": "Oesterreich",
    "BA": "Bosnia, Herzegovina",
    "BF": "Upper Volta",
    "BL": "St. Barts, Saint Barth",
    "BN": "Brunei",
    "BO": "Bolivia",
    "BY": "Weißrussland, Byelorussia, Belorussia",
    "CD": "DRC, DR Congo, Zaire, Congo Kinshasa, Democratic Republic of Congo, Congo-Kinshasa, Congo (DRC)",
    "CF": "Central African Rep., C.A.R.",
    "CG": "Congo Brazzaville, Republic of Congo, Congo-Brazzaville, Congo Republic",
    "CI": "Ivory Coast, Elfenbeinküste, Costa de Marfil",
    "CN": "PRC, PR China, Mainland China, People's Republic of China",
    "CV": "Cape Verde, Cape Verde Islands",
    "CZ": "Czech Republic, Czechia, Tschechische Republik",
    "DE": "Federal Republic of Germany, FRG, BRD, West Germany",
    "DO": "Dominican Rep., Dom. Rep.",
    "FK": "Falklands, Falkland Islands (Malvinas), Malvinas, Islas Malvinas",
    "FM": "Micronesia",
    "GB": "UK, Great Britain, Britain, England, Scotland, Wales, Northern Ireland, N. Ireland, Great Britain and "
    "Northern Ireland, Großbritannien, Grande-Bretagne, Gran Bretaña, Gran Bretagna, Grã-Bretanha, Groot-Brittannië, "
    "Angleterre, Inglaterra, Inghilterra, Schottland",
    "GR": "Hellas",
    "HK": "Hong Kong",
    "IE": "Eire, Republic of Ireland, Irish Republic, Southern Ireland",
    "IR": "Iran, Persia",
    "JP": "Nippon",
    "KG": "Kirghizia",
    "KN": "Saint Kitts, Nevis",
    "KP": "North Korea, DPRK",
    "KR": "South Korea, Republic of Korea, Korea, Korea South, Korea (South), ROK",
    "LA": "Laos, Lao PDR",
    "LK": "Ceylon",
    "MD": "Moldova",
    "MK": "Macedonia, FYROM, Republic of Macedonia, Former Yugoslav Republic of Macedonia, FYR Macedonia",
    "MM": "Burma, Birma, Birmanie, Birmania",
    "MO": "Macau, Macao, Macau SAR, Macao SAR",
    "NL": "Holland, Kingdom of the Netherlands",
    "PS": "Palestine, State of Palestine, Palestinian Territories",
    "RU": "Russia",
    "SA": "KSA, Kingdom of Saudi Arabia",
    "ST": "Sao Tome",
    "SY": "Syria",
    "SZ": "Swaziland",
    "TH": "Siam",
    "TL": "East Timor",
    "TR": "Turkey, Turkiye",
    "TT": "Trinidad, Tobago",
    "TW": "Taiwan, Republic of China, ROC, Chinese Taipei, Formosa",
    "TZ": "Tanzania",
    "US": "USA, US of A, United States of America, America, EE. UU., EUA, Vereinigte Staaten von Amerika, "
    "États-Unis d'Amérique",
    "VA": "Vatican, Vatican City, Holy See",
    "VC": "Saint Vincent",
    "VE": "Venezuela",
    "VG": "BVI",
    "VI": "US Virgin Islands",
    "VN": "Viet Nam, Vietnam",
    "XK": "Republic of Kosovo, Republika e Kosovës",
    "ZA": "RSA, Republic of South Africa",
}
"""{code: what English speakers call it besides}."""


def rows() -> Iterator[tuple[Country, list[str]]]:
    """Every country, and the keys of its names in the order of their code points."""
    countries = [*map(_of_iso, pycountry.countries), KOSOVO]
    codes = {country.alpha_2 for country in countries}
    sure = {name_key(name): country.alpha_2 for country in countries for name in _iso_names(country.alpha_2)}
    sure |= {name_key(name): code for code, names in ALIASES.items() for name in names.split(",")}
    meant = defaultdict(set)
    for language in localedata.locale_identifiers():
        if language not in NOT_SPOKEN and not language.startswith(tuple(f"{each}_" for each in NOT_SPOKEN)):
            territories = localedata.load(language)["territories"]
            for code in codes & territories.keys():
                key = name_key(territories[code])
                meant[key].add(code)
                if language == "en":
                    sure.setdefault(key, code)
    # A name that is another country in another language names none, unless an English speaker means it.
    only = {key: next(iter(found)) for key, found in meant.items() if len(found) == 1} | sure
    keys = defaultdict(list)
    for key in sorted(only.keys() - {""}):
        keys[only[key]].append(key)
    for country in sorted(countries, key=lambda each: each.alpha_2):
        yield country, keys[country.alpha_2]


def _of_iso(country: Any) -> Country:
    name = str(getattr(country, "common_name", None) or country.name)
    return Country(country.alpha_2, country.alpha_3, country.numeric, name)


def _iso_names(code: str) -> Iterator[str]:
    country = pycountry.countries.get(alpha_2=code)
    for attribute in ("name", "official_name", "common_name"):
        if (name := getattr(country, attribute, None)) is not None:
            yield name


def text() -> str:
    """What the file holds: a line for each country, of its codes, its English name and the keys of all its names."""
    return "".join(
        "\t".join((country.alpha_2, country.alpha_3, country.numeric, country.name, " ".join(keys))) + "\n"
        for country, keys in rows()
    )


if __name__ == "__main__":
    Path(DATA).write_text(text(), "utf-8")
