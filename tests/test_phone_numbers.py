"""Telephone numbers in all the ways in which people write them, read as libphonenumber's own tests have them."""

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

from crmgraph.crm.values.phone_numbers import MAX_LENGTH, ParsedPhone, code_of_e164, parse_phone, region_of_e164

WRITTEN: list[tuple[str | None, str, str | None]] = [
    # The region's own prefix of international calls comes first.
    ("HK", "001 47 22 12 34 56", "+4722123456"),
    ("HK", "0014722123456", "+4722123456"),
    ("AU", "0011 47 22 12 34 56", "+4722123456"),
    ("AU", "0011-1-202-555-0123", "+12025550123"),
    ("BR", "0021 47 22 12 34 56", "+4722123456"),
    ("BR", "0014 1 202 555 0123", "+12025550123"),
    ("BR", "0015 44 20 7946 0958", "+442079460958"),
    ("KR", "00700 47 22 12 34 56", "+4722123456"),
    ("KR", "002 44 20 7946 0958", "+442079460958"),
    ("KR", "001 1 202 555 0123", "+12025550123"),
    ("JP", "010 47 22 12 34 56", "+4722123456"),
    ("JP", "010-44-20-7946-0958", "+442079460958"),
    ("US", "011 47 22 12 34 56", "+4722123456"),
    ("CA", "011 44 20 7946 0958", "+442079460958"),
    ("RU", "8~10 47 22 12 34 56", "+4722123456"),
    ("RU", "810 47 22 12 34 56", "+4722123456"),
    ("SG", "001 44 20 7946 0958", "+442079460958"),
    ("TH", "001 44 20 7946 0958", "+442079460958"),
    ("ID", "008 44 20 7946 0958", "+442079460958"),
    ("KE", "000 44 20 7946 0958", "+442079460958"),
    ("CO", "009 44 20 7946 0958", "+442079460958"),
    ("DE", "0047 22 12 34 56", "+4722123456"),
    ("GB", "00 47 22 12 34 56", "+4722123456"),
    ("FR", "0044 20 7946 0958", "+442079460958"),
    ("NZ", "00 64 3 331 6005", "+6433316005"),
    # A prefix of another region is none; nor is 00 where the region has its own.
    ("US", "00 47 22 12 34 56", None),
    ("US", "0047 22 12 34 56", None),
    ("JP", "0044 20 7946 0958", None),
    # 00 is what the ITU recommends: it is meant where nobody knows the region, or libphonenumber has none.
    (None, "0047 22 12 34 56", "+4722123456"),
    (None, "00 49 171 1234567", "+491711234567"),
    ("AQ", "0044 20 7946 0958", "+442079460958"),
    # Without a region, only a number with its country has a form.
    (None, "+47 22 12 34 56", "+4722123456"),
    (None, "22 12 34 56", None),
    (None, "0171 1234567", None),
    (None, "202 555 0123", None),
    # National numbers.
    ("US", "(202) 555-0123", "+12025550123"),
    ("US", "1-202-555-0123", "+12025550123"),
    ("US", "202.555.0123", "+12025550123"),
    ("US", "+1 (202) 555-0123", "+12025550123"),
    ("DE", "0171 1234567", "+491711234567"),
    ("DE", "0171/1234567", "+491711234567"),
    ("DE", "+49 (0) 171 1234567", "+491711234567"),
    ("DE", "030 123456-78", "+493012345678"),
    ("GB", "020 7946 0958", "+442079460958"),
    ("GB", "(020) 7946 0958", "+442079460958"),
    ("GB", "+44 (0)20 7946 0958", "+442079460958"),
    ("FR", "01 44 20 20 12", "+33144202012"),
    ("IT", "02 3661 8300", "+390236618300"),
    ("IT", "+39 06 4212 3456", "+390642123456"),
    ("SM", "0549 886377", "+3780549886377"),
    ("AR", "011 15-3456-7890", "+5491134567890"),
    ("AR", "+54 9 11 3456-7890", "+5491134567890"),
    ("MX", "55 1234 5678", "+525512345678"),
    ("NZ", "03-331 6005", "+6433316005"),
    ("NZ", "03 331 6005", "+6433316005"),
    ("NO", "22 12 34 56", "+4722123456"),
    ("CY", "22 212345", "+35722212345"),
    ("XK", "028 012 345", "+38328012345"),
    ("XK", "+383 43 201 234", "+38343201234"),
    ("IN", "098450 12345", "+919845012345"),
    ("BY", "8 029 123-45-67", "+375291234567"),
    ("CN", "010 8888 8888", "+861088888888"),
    ("JP", "03-1234-5678", "+81312345678"),
    ("RU", "8 (495) 123-45-67", "+74951234567"),
    # Digits of other scripts, and signs of full width.
    ("US", "２０２－５５５－０１２３", "+12025550123"),
    (None, "＋1 202 555 0123", "+12025550123"),
    (None, "+٤٤ 20 7946 0958", "+442079460958"),
    ("EG", "٠١٠ ١٢٣٤ ٥٦٧٨", "+201012345678"),
    ("DE", "0171\u00a01234567", "+491711234567"),
    ("DE", "0171\u20111234567", "+491711234567"),
    # What can only be dialled from nearby, and what is short, has no form.
    ("US", "555-0123", None),
    ("US", "253-0000", None),
    ("GB", "7946 0958", None),
    ("BR", "3123-4567", None),
    ("NZ", "331-6005", None),
    ("AU", "5555 5555", None),
    ("DE", "112", None),
    ("DE", "110", None),
    ("DE", "116117", None),
    ("GB", "999", None),
    ("GB", "101", None),
    ("US", "911", None),
    ("US", "411", None),
    ("FR", "15", None),
    ("FR", "3620", None),
    ("AU", "000", None),
    ("NO", "113", None),
    ("JP", "119", None),
    ("IN", "100", None),
    ("BR", "190", None),
    (None, "+49 112", None),
    (None, "+1 911", None),
    (None, "+44 999", None),
    # Too long, too short, no country.
    ("US", "202 555 01234567", None),
    ("US", "+1 202 555 0123 4567 89", None),
    ("GB", "020 7946 09580 1234", None),
    (None, "+1 202 555", None),
    (None, "+210 3456 7890", None),
    (None, "+0 1234 5678", None),
    ("DE", "0171 1234567, 0172 7654321", None),
    # No region by itself: services of the ITU.
    (None, "+800 1234 5678", "+80012345678"),
    ("US", "011 800 1234 5678", "+80012345678"),
    # Letters that are keys to be pressed.
    ("US", "1-800-FLOWERS", "+18003569377"),
    ("US", "1-800-flowers", "+18003569377"),
    ("US", "1-800-GOFEDEX", "+18004633339"),
    ("US", "(800) CALL-NOW", "+18002255669"),
    ("US", "212-MU7-WORK", "+12126879675"),
    ("US", "１-800-ＦＬＯＷＥＲＳ", "+18003569377"),
    ("GB", "0800 FLOWERS", "+448003569377"),
    ("NZ", "0800 DDA 005", "+64800332005"),
    ("NZ", "0900 DDA 6005", "+649003326005"),
    ("AU", "1300 FLOWER", "+611300356937"),
    # Letters that are words.
    (None, "+49 171 1234567 Uwe", "+491711234567"),
    ("DE", "+49 171 1234567 Uwe", "+491711234567"),
    ("DE", "0171 1234567 Uwe", "+491711234567"),
    ("DE", "Uwe 0171 1234567", "+491711234567"),
    ("DE", "0171 1234567 (Büro)", "+491711234567"),
    ("DE", "0171 1234567 (WhatsApp)", "+491711234567"),
    ("DE", "0171/1234567 privat", "+491711234567"),
    ("DE", "Tel.: 0171 1234567", "+491711234567"),
    ("DE", "0171 1234567 Uwe, 0172 7654321 Eva", "+491711234567"),
    ("US", "(202)555-0123 work", "+12025550123"),
    ("US", "call Bob 202 555 0123", "+12025550123"),
    ("US", "202-555-0123 Mom", "+12025550123"),
    ("GB", "020 7946 0958 after six", "+442079460958"),
    ("AU", "02 5555 5555 (Mum's)", "+61255555555"),
    ("RU", "8 (495) 123-45-67 Иван", "+74951234567"),
    ("JP", "03-1234-5678 (自宅)", "+81312345678"),
    ("HK", "001 47 22 12 34 56 Ola", "+4722123456"),
    ("US", "123 (ask Tom)", None),
    ("US", "555-0123 Eva", None),
    ("GB", "7946 0958 Tom", None),
    ("US", "555 123 4567 Bob", None),
    # No number at all.
    ("DE", "call me", None),
    ("DE", "n/a", None),
    ("DE", "-", None),
    ("DE", "+", None),
    ("DE", "kein Telefon", None),
    ("US", "FLOWERS", None),
    ("US", "ext 12", None),
    ("DE", "uwe@example.com", None),
    ("US", "0000000000", None),
    # Not given out to anybody, and yet as long as a number is: kept, and not valid.
    ("US", "555 123 4567", "+15551234567"),
    ("DE", "01711234567890", "+491711234567890"),
]

EXTENSIONS: list[tuple[str | None, str, str, str]] = [
    ("US", "202 555 0123 x12", "+12025550123", "12"),
    ("US", "202 555 0123 X 12", "+12025550123", "12"),
    ("US", "(202) 555-0123 ext. 12", "+12025550123", "12"),
    ("US", "202 555 0123 extn 12", "+12025550123", "12"),
    ("US", "202 555 0123 extension 1234567", "+12025550123", "1234567"),
    ("US", "202 555 0123 #12", "+12025550123", "12"),
    ("US", "202 555 0123;ext=12", "+12025550123", "12"),
    (None, "tel:+1-202-555-0123;ext=12", "+12025550123", "12"),
    ("GB", "020 7946 0958 ext 012", "+442079460958", "012"),
    ("GB", "+44 20 7946 0958 ext 12 Eva", "+442079460958", "12"),
    ("US", "1-800-CALL-NOW ext 5", "+18002255669", "5"),
    ("US", "555 123 4567 x12", "+15551234567", "12"),
    ("RU", "8 (495) 123-45-67 доб. 12", "+74951234567", "12"),
    ("AR", "011 4321-1234 int 12", "+541143211234", "12"),
    ("ES", "912 34 56 78 anexo 12", "+34912345678", "12"),
    ("DE", "030 1234567 Durchwahl 12", "+49301234567", "12"),
    ("DE", "030 1234567 (Durchwahl: 12)", "+49301234567", "12"),
    ("AT", "01 1234567 DW 12", "+4311234567", "12"),
    ("FR", "01 44 20 20 12 poste 12", "+33144202012", "12"),
    ("NL", "020 123 4567 toestel 12", "+31201234567", "12"),
    ("JP", "03-1234-5678 内線12", "+81312345678", "12"),
    # Words between the number and its extension.
    ("US", "202-555-0123 Tom ext. 7", "+12025550123", "7"),
    ("US", "202-555-0123 (Tom) ext 7", "+12025550123", "7"),
    ("US", "202-555-0123 Tom extension 7", "+12025550123", "7"),
    ("US", "202-555-0123 Tom extn:7", "+12025550123", "7"),
    ("US", "202-555-0123 Tom x7", "+12025550123", "7"),
    ("US", "202-555-0123 Tom x 7", "+12025550123", "7"),
    ("US", "202-555-0123 Tom;ext=7", "+12025550123", "7"),
    ("DE", "030 123456 Uwe Durchwahl 12", "+4930123456", "12"),
    # The spellings of libphonenumber's own tests.
    ("NZ", "03 331 6005 ext 3456", "+6433316005", "3456"),
    ("NZ", "03-3316005x3456", "+6433316005", "3456"),
    ("NZ", "03-3316005 int.3456", "+6433316005", "3456"),
    ("NZ", "03 3316005 #3456", "+6433316005", "3456"),
    ("GB", "+44 2034567890x456", "+442034567890", "456"),
    ("GB", "+44 2034567890 X  456", "+442034567890", "456"),
    ("GB", "+44-2034567890;ext=456", "+442034567890", "456"),
    ("GB", "tel:2034567890;ext=456;phone-context=+44", "+442034567890", "456"),
    ("GB", "+442034567890ｅｘｔｎ456", "+442034567890", "456"),
    ("GB", "+442034567890ｘｔ456", "+442034567890", "456"),
    ("US", "(800) 901-3355 x 7246433", "+18009013355", "7246433"),
    ("US", "(800) 901-3355 , ext 7246433", "+18009013355", "7246433"),
    ("US", "(800) 901-3355 ; 7246433", "+18009013355", "7246433"),
    ("US", "(800) 901-3355 ,extensión 7246433", "+18009013355", "7246433"),
    ("US", "(800) 901-3355 , 7246433", "+18009013355", "7246433"),
    ("US", "(800) 901-3355 ext: 7246433", "+18009013355", "7246433"),
    ("RU", "8 (423) 202-25-11, доб. 100", "+74232022511", "100"),
    ("US", "(530) 583-6985 x302/x2303", "+15305836985", "302"),
]

NO_EXTENSIONS = [
    "Max 7",
    "room 7",
    "Tom #7",
    "next 7",
    "Tom ext. 7 8",
    "Tom 3 ext. 7",
    "Tom ext. 12345678",
    "Tom",
    "Tom ext",
]


@pytest.mark.parametrize(("region", "text", "e164"), WRITTEN)
def test_a_number_is_read_as_it_is_meant(region: str | None, text: str, e164: str | None) -> None:
    known = parse_phone(text, region)
    assert (known.e164, known.extension) == (e164, None)


@pytest.mark.parametrize(("region", "text", "e164", "extension"), EXTENSIONS)
def test_an_extension_stands_by_itself(region: str | None, text: str, e164: str, extension: str) -> None:
    known = parse_phone(text, region)
    assert (known.e164, known.extension) == (e164, extension)


@pytest.mark.parametrize("words", NO_EXTENSIONS)
def test_what_may_be_no_extension_is_none(words: str) -> None:
    known = parse_phone(f"202-555-0123 {words}", "US")
    assert (known.e164, known.extension) == ("+12025550123", None)


@pytest.mark.parametrize(
    ("text", "valid"),
    [("0171 1234567", True), ("01711234567890", False), ("112", False), ("call me", False), ("", False)],
)
def test_a_number_is_valid_when_such_are_given_out(text: str, valid: bool) -> None:
    assert parse_phone(text, "DE").valid is valid


def test_the_number_of_every_region_is_read_in_every_form_there_and_back() -> None:
    """As it is written there, as it is dialled from some other regions, and in international form.

    Not from where a country code may begin as the name of a carrier does (00 247 and 002 47 in HK).
    """
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for number in filter(
            None, (phonenumbers.example_number(region), phonenumbers.example_number_for_type(region, 1))
        ):
            e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
            assert parse_phone(national, region).e164 == e164, (region, national)
            known = parse_phone(e164, None)
            assert (known.e164, known.valid, known.extension) == (e164, True, None)
            for style in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966):
                assert parse_phone(phonenumbers.format_number(number, style), None).e164 == e164
            for there in ("AU", "JP", "US"):
                dialled = phonenumbers.format_out_of_country_calling_number(number, there)
                assert parse_phone(dialled, there).e164 == e164, (there, dialled)
            assert parse_phone(f"{e164} ext. 77", None).extension == "77", e164


def test_a_text_too_long_for_a_number_is_none() -> None:
    text = "+49 171 1234567" + " " * MAX_LENGTH + "Uwe"
    assert parse_phone(text, "DE").e164 is None
    assert parse_phone(text, "DE").digits == "491711234567"


def numbers_in_full() -> Iterator[str]:
    """Numbers of every kind that is given out anywhere, with the code of their country, and some that are nearly so."""
    dice = random.Random("numbers")
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            for kind in PhoneNumberType.values():
                number = (
                    phonenumbers.example_number_for_non_geo_entity(code)
                    if region == "001"
                    else phonenumbers.example_number_for_type(region, kind)
                )
                if number is None:
                    continue
                national = phonenumbers.national_significant_number(number)
                place = dice.randrange(len(national))
                other = national[:place] + str(dice.randrange(10)) + national[place + 1 :]
                yield phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
                for written in (f"({national})", f"(0) {national}", f"{dice.randrange(10)}{national}", national[:-1]):
                    yield f"+{code} {written}"
                yield f" +{code}-{other}."
        yield from (f"+{code}{dice.randrange(10**length):0{length}}" for length in range(3, 15))


def test_what_is_written_in_full_is_read_as_libphonenumber_reads_it() -> None:
    for text in numbers_in_full():
        parsed = parse_phone(text, "US")
        number = phonenumbers.parse(text)
        possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
        valid = possible and phonenumbers.is_valid_number(number)
        expected = phonenumbers.format_number(number, PhoneNumberFormat.E164) if valid else None
        assert (parsed.valid, parsed.e164 if valid else None) == (valid, expected), text


def test_a_number_in_full_asks_its_plan_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(phonenumbers, "parse")
    assert parse_phone("+357 99 000001", None) == ParsedPhone("+35799000001", "35799000001", None, True)


def test_the_code_and_the_place_of_a_number_are_those_of_libphonenumber() -> None:
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        for last in range(0, 10_000_000, 700_001):
            e164 = f"+{code}{last:08}"
            number = phonenumbers.parse(e164)
            assert code_of_e164(e164) == str(number.country_code) == str(code)
            assert region_of_e164(e164) == phonenumbers.region_code_for_number(number)
    assert (code_of_e164("+999"), region_of_e164("+999")) == (None, None)


def test_most_codes_say_the_place_without_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(phonenumbers, "parse")
    assert region_of_e164("+35799000002") == "CY"
    assert code_of_e164("+12025550123") == "1"
