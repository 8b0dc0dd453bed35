"""Countries by their codes and by whatever people call them."""

import re

import pycountry
import pytest

from crmgraph.crm.values.countries import DATA, country_code, country_code_of_name, country_name, country_of
from crmgraph.crm.values.country_names import text

NAMES = {
    "AE": "UAE|U.A.E.|United Arab Emirates|The Emirates|Vereinigte Arabische Emirate",
    "AT": "Austria|Österreich|Oesterreich|Autriche|Áo",
    "AX": "Åland|Åland Islands|Aland Islands",
    "BA": "Bosnia and Herzegovina|Bosnia & Herzegovina|Bosnia-Herzegovina|Bosnia|Bosnien und Herzegowina",
    "BE": "Bỉ|België|Belgique",
    "BR": "Brasil|BRAZIL|O Brasil",
    "BS": "Bahamas|The Bahamas|Bahamas, The|Bahamas (the)",
    "BY": "Belarus|Weißrussland|Weissrussland",
    "CD": "DRC|DR Congo|Zaire|Democratic Republic of the Congo|Congo, The Democratic Republic of the",
    "CH": "Schweiz|die Schweiz|Suisse|La Suisse|Svizzera|Switzerland",
    "CI": "Ivory Coast|Côte d’Ivoire|Côte d'Ivoire|Cote d`Ivoire|"
    "COTE D IVOIRE|cote divoire|Côte-d’Ivoire|Elfenbeinküste",
    "CN": "China|中国|中國|People's Republic of China|People’s Republic of China|PRC",
    "CV": "Cape Verde|Cabo Verde",
    "CW": "Curaçao|Curacao",
    "CZ": "Czech Republic|The Czech Republic|Czechia|Česko|Tschechien",
    "DE": "Germany|Deutschland|DEUTSCHLAND|L'Allemagne|L’Allemagne|Alemania|Niemcy|"
    "Германия|ドイツ|de|DEU|BRD|  Germany ",
    "ES": "España|Espana|Spain|Hiszpania",
    "FM": "Micronesia|Micronesia, Federated States of|Federated States of Micronesia",
    "GB": "UK|U.K.|u.k|United Kingdom|The United Kingdom|Great Britain|Scotland|Wales|England|Northern Ireland|GBR|"
    "Großbritannien|United Kingdom of Great Britain and Northern Ireland",
    "GE": "Georgia",
    "GM": "The Gambia|Gambia, The|Gambia (the)|Gambia",
    "GR": "EL|Greece|Ελλάδα|Hellas",
    "GW": "Guinea-Bissau|Guinea Bissau",
    "HK": "Hong Kong|Hongkong|Hong Kong SAR|Hong Kong SAR China",
    "IE": "Ireland|Republic of Ireland|Eire|Éire",
    "IR": "Iran|Iran, Islamic Republic of|Iran (Islamic Republic of)",
    "IT": "Italia|Italien|İtalya",
    "JP": "Japan|日本|Япония",
    "KN": "St. Kitts & Nevis|Saint Kitts and Nevis|St Kitts and Nevis",
    "KP": "North Korea|DPRK|Korea, Democratic People's Republic of",
    "KR": "South Korea|Korea, Republic of|Republic of Korea|Korea|대한민국",
    "LA": "Laos|Lao People's Democratic Republic",
    "LC": "St. Lucia|Saint Lucia|St Lucia",
    "LV": "Łotwa|Lotwa|Latvija",
    "MD": "Moldova|Moldova, Republic of",
    "MK": "Macedonia|North Macedonia|FYROM",
    "MM": "Burma|Myanmar|Myanmar (Burma)",
    "MO": "Macau|Macao|Macau SAR",
    "NE": "Niger",
    "NG": "Nigeria|NGA",
    "NL": "The Netherlands|the netherlands|Netherlands|Netherlands (the)|Nederland|Holland|"
    "Die Niederlande|Pays-Bas|Les Pays-Bas",
    "PS": "Palestine|State of Palestine",
    "RE": "Réunion|La Réunion|Reunion",
    "RU": "Russia|Russian Federation|Россия|Росія",
    "SV": "El Salvador",
    "SY": "Syria|Syrian Arab Republic",
    "SZ": "Swaziland|Eswatini",
    "TL": "East Timor|Timor-Leste|Timor Leste",
    "TR": "Turkey|Türkiye|Turkiye|TÜRKİYE|Türkei",
    "TT": "Trinidad and Tobago|Trinidad & Tobago|Trinidad",
    "TW": "Taiwan|台灣|Taiwan, Province of China",
    "TZ": "Tanzania|United Republic of Tanzania|Tanzania, United Republic of",
    "US": "USA|U.S.A.|U.S.A|U.S.|us|United States|United States of America|The United States|"
    "EE. UU.|EE.UU.|Estados Unidos",
    "VA": "Vatican|Vatican City|Holy See",
    "VE": "Venezuela|Venezuela, Bolivarian Republic of",
    "VN": "Vietnam|Viet Nam|Việt Nam",
    "XK": "Kosovo|Kosova|XK|XKX|Косово|Republic of Kosovo",
}
SELDOM = {
    "BF": "Upper Volta",
    "BL": "St. Barts",
    "CF": "Central African Rep.",
    "DE": "FRG",
    "FK": "Malvinas",
    "JP": "Nippon",
    "KG": "Kirghizia",
    "LA": "Lao PDR",
    "SA": "KSA|Kingdom of Saudi Arabia",
    "TH": "Siam",
    "TW": "Chinese Taipei",
    "US": "US of A",
    "VG": "BVI",
    "ZA": "RSA|Republic of South Africa",
}


@pytest.mark.parametrize(
    ("code", "name"),
    [(code, name) for names in (NAMES, SELDOM) for code, each in names.items() for name in each.split("|")],
)
def test_a_country_is_known_by_what_people_call_it(code: str, name: str) -> None:
    assert country_code_of_name(name) == code


@pytest.mark.parametrize("name", ["", "Freedonia", "Germnay", "Kongo", "I", "the", "???", "276", "Germany" * 20, None])
def test_what_names_no_country_or_several_is_not_known(name: str | None) -> None:
    assert country_code_of_name(name) is None


def test_codes_are_those_of_iso_and_kosovo() -> None:
    for country in pycountry.countries:
        for code in (country.alpha_2, country.alpha_3, country.alpha_2.lower(), f" {country.alpha_3} "):
            assert country_code(code) == country.alpha_2
        assert country_name(country.alpha_2) == getattr(country, "common_name", country.name)
        assert (
            country_code_of_name(country.name) == country_code_of_name(country_name(country.alpha_2)) == country.alpha_2
        )
        known = country_of(country.numeric)
        assert known is not None and known.alpha_2 == country.alpha_2
    assert (country_code("XK"), country_code("xkx"), country_name("XK")) == ("XK", "XK", "Kosovo")
    for wrong in ("", "Germany", "D", "ZZ", "XX", "276", "DE1", "ＤＥ", None):
        assert country_code(wrong) is None


def test_the_kept_names_are_those_of_the_installed_libraries() -> None:
    """Write them anew with `python -m crmgraph.crm.values.country_names` when this fails after an upgrade."""
    assert DATA.read_text("utf-8") == text()


def test_no_key_of_two_countries_and_none_that_cannot_be_looked_up() -> None:
    seen: set[str] = set()
    for line in DATA.read_text("utf-8").splitlines():
        keys = line.split("\t")[4].split(" ")
        assert keys and seen.isdisjoint(keys)
        assert not any(re.search(r"[\s.,()'-]", key) for key in keys)
        seen.update(keys)
    assert len(seen) > 30_000


def test_serving_loads_no_library_of_names(modules_of_the_server: frozenset[str]) -> None:
    assert {"babel", "crmgraph.crm.values.country_names"} & modules_of_the_server == set()
