"""Which record an upsert means, and what a search for next to nothing finds."""

from typing import Any
from urllib.parse import quote

from tests.dialects.zoho.conftest import Program

INVALID_QUERY = {"code": "INVALID_QUERY", "details": {}, "message": "invalid query formed", "status": "error"}


async def upsert(zoho: Program, module: str, row: dict[str, Any], *checks: str) -> tuple[str, str]:
    """(what was done, to which record)."""
    body = {"data": [row]} | ({"duplicate_check_fields": list(checks)} if checks else {})
    (told,) = (await zoho.ok("POST", f"/{module}/upsert", body))["data"]
    return told["action"], told["details"]["id"]


async def test_an_account_of_another_name_is_another_account(zoho: Program) -> None:
    for known, other in [
        ("株式会社パパ", "株式会社ハハ"),
        ("Кафе Май", "Кафе Маи"),
        ("Müller GmbH", "Muller GmbH"),
        ("Strauß AG", "Strauss AG"),
        ("Ørsted", "Orsted"),
        ("x" * 400 + " north", "x" * 400 + " south"),
        ("株" * 400 + "北", "株" * 400 + "南"),
    ]:
        first = await zoho.create("Accounts", Account_Name=known)
        action, second = await upsert(zoho, "Accounts", {"Account_Name": other})
        assert (action, second == first) == ("insert", False)
        assert (await zoho.get("Accounts", first))["Account_Name"] == known


async def test_an_account_is_known_by_any_spelling_of_its_name(zoho: Program) -> None:
    for known, again in [
        ("Müller GmbH", "MÜLLER  GMBH"),
        ("Müller AG", "Mu\u0308ller AG\u00a0"),
        ("株式会社パパ", "株式会社ハ\u309aハ\u309a"),
        ("ОАО Май", "оао май"),
        ("Acme", " acme "),
    ]:
        # Others whom a search takes for the same stand before it.
        await zoho.create("Accounts", Account_Name="Muller GmbH")
        first = await zoho.create("Accounts", Account_Name=known)
        assert await upsert(zoho, "Accounts", {"Account_Name": again, "Industry": "Tools"}) == ("update", first)


async def test_another_mailbox_is_another_person(zoho: Program) -> None:
    for known, other in [
        ("x@faß.de", "x@fass.de"),
        ("strauß@example.com", "strauss@example.com"),
        ("rené@example.com", "rene@example.com"),
        ("eva@münchen.example", "eva@munchen.example"),
    ]:
        first = await zoho.create("Contacts", Last_Name="One", Email=known)
        action, second = await upsert(zoho, "Contacts", {"Last_Name": "Two", "Email": other})
        assert (action, second == first) == ("insert", False)
        assert (await zoho.get("Contacts", first))["Last_Name"] == "One"
        for address, name in ((known, "One"), (other, "Two")):
            assert await zoho.names(f"/Contacts/search?email={quote(address)}") == [name]


async def test_one_mailbox_is_one_person(zoho: Program) -> None:
    for known, again in [
        ("eva@münchen.example", "EVA@xn--mnchen-3ya.example"),
        ("rené@example.com", "rene\u0301@EXAMPLE.com"),
        ("max@example.jp", "max@ｅｘａｍｐｌｅ.jp"),
        ("eva@example.com\u00a0", "eva@example.com\t"),
    ]:
        first = await zoho.create("Contacts", Last_Name="One", Email=known)
        assert (await zoho.get("Contacts", first))["Email"] == known.strip()
        assert await upsert(zoho, "Contacts", {"Last_Name": "One", "Email": again}) == ("update", first)
        assert await zoho.names(f"/Contacts/search?email={quote(again)}") == ["One"]
        assert await zoho.names(f"/Contacts/search?criteria={quote(f'(Email:equals:{again})')}") == ["One"]


async def test_digits_alone_are_no_number(zoho: Program) -> None:
    for known, other in [
        ("1-800-FLOWERS", "1-800-GOFEDEX"),
        ("123 (ask Tom)", "123 (ask Eva)"),
        ("call me", "call me later"),
        ("ext. 12 Tom", "ext. 12 Eva"),
        ("+49 171 1234567 ext 5", "+49 171 1234567 ext 6"),
        ("+49 171 1234567", "+43 171 1234567"),
        ("-", "-"),
        ("+", "+"),
        ("( )", "."),
        ("#", " # "),
    ]:
        first = await zoho.create("Contacts", Last_Name="One", Phone=known)
        action, second = await upsert(zoho, "Contacts", {"Last_Name": "Two", "Phone": other}, "Phone")
        assert (action, second == first) == ("insert", False)
        assert (await zoho.get("Contacts", first))["Last_Name"] == "One"


async def test_a_number_is_known_by_any_spelling(zoho: Program) -> None:
    for known, again in [
        ("+49 171 1234567", "0049 (171) 123-45-67"),
        ("1-800-FLOWERS", "1 800 flowers"),
        ("123 (ask Tom)", "１２３ (ASK TOM)"),
        ("call me", " Call  me "),
        ("98-98-98-98", "(98) 98 98 98"),
    ]:
        first = await zoho.create("Contacts", Last_Name="One", Phone=known)
        assert await upsert(zoho, "Contacts", {"Last_Name": "One", "Phone": again}, "Phone") == ("update", first)


async def test_criteria_find_a_number_in_any_spelling(zoho: Program) -> None:
    await zoho.create("Contacts", Last_Name="Ext", Phone="+1 202 555 0123 x12")
    await zoho.create("Contacts", Last_Name="Plain", Phone="0047 22 12 34 56", Mobile="+1 202 555 0123")
    await zoho.create("Contacts", Last_Name="None")
    for asked, found in [
        ("(Phone:equals:+1 202 555 0123)", ["Ext"]),
        ("(Phone:equals:001 \\(202\\) 555-0123)", ["Ext"]),
        ("(Phone:equals:+1 202 555 0123 ext. 12)", ["Ext"]),
        ("(Phone:equals:+47 22123456)", ["Plain"]),
        ("(Phone:in:+47 22123456,+12025550123)", ["Plain", "Ext"]),
        ("(Mobile:equals:+12025550123)", ["Plain"]),
        ("(Home_Phone:equals:+12025550123)", []),
        ("((Last_Name:in:Ext,Plain,None)and(Phone:not_equal:+12025550123))", ["None", "Plain"]),
        ("((Last_Name:in:Ext,Plain,None)and(Phone:equals:${EMPTY}))", ["None"]),
        ("((Last_Name:in:Ext,Plain,None)and(Phone:not_equal:${EMPTY}))", ["Plain", "Ext"]),
    ]:
        assert await zoho.names(f"/Contacts/search?criteria={quote(asked)}") == found, asked


BLANKS = ["%20", "%C2%A0", "%09", "%E3%80%80", "+", "%20%20", "%E2%80%8B", "%C2%AD", "%20%E2%81%A0", "%E2%A0%80"]


async def test_a_search_for_a_blank_is_refused(zoho: Program) -> None:
    await zoho.create("Contacts", Last_Name="Has none")
    for parameter in ["email", "phone", "word"]:
        for blank in BLANKS:
            answer = await zoho.send("GET", f"/Contacts/search?{parameter}={blank}")
            assert (answer.status_code, answer.json()) == (400, INVALID_QUERY)


async def test_a_search_for_signs_alone_finds_nobody(zoho: Program) -> None:
    await zoho.create("Contacts", Last_Name="Has none")
    for query in ["phone=%2B", "phone=-", "phone=%CC%81", "email=%40"]:
        assert await zoho.names(f"/Contacts/search?{query}") == []


async def test_criteria_that_compare_with_a_blank_are_refused(zoho: Program) -> None:
    for criteria in [
        "(Email:equals:)",
        "(Email:equals: )",
        "(Email:not_equal: )",
        "(Email:starts_with:)",
        "(Email:in:,)",
        "(Email:in:a@example.com, )",
        "(Phone:equals: )",
        "(Last_Name:equals: )",
        "(Last_Name:contains:\u00a0)",
        "(First_Name:equals:)",
        "(Mailing_City:equals: )",
        "(Full_Name:equals: )",
        "(Account_Name:equals: )",
        "(Account_Name:in:,)",
        "(Custom:equals: )",
        "(Date_of_Birth:equals: )",
        "((Last_Name:equals:Has none)or(Email:equals: ))",
    ]:
        answer = await zoho.send("GET", f"/Contacts/search?criteria={quote(criteria)}")
        assert (answer.status_code, answer.json()) == (400, INVALID_QUERY)


async def test_whoever_has_none_is_still_asked_for_by_the_word_for_it(zoho: Program) -> None:
    await zoho.create("Accounts", Account_Name="Has none", Ticker_Symbol="HASNONE")
    criteria = quote("((Ticker_Symbol:equals:HASNONE)and(Phone:equals:${EMPTY}))")
    assert await zoho.names(f"/Accounts/search?criteria={criteria}") == ["Has none"]


async def test_names_are_found_as_they_are_written_in_haste(zoho: Program) -> None:
    for name, wanted in [
        ("Sørensen", "Sorensen"),
        ("Łukasik", "lukasik"),
        ("Işık", "ışık"),
        ("O\u2019Brien", "O'Brien"),
        ("Smith\u2010Jones", "smith-jones"),
        ("Đorđević", "Dordevic"),
        ("Ｓｍｙｔｈｅ", "Smythe"),
    ]:
        await zoho.create("Contacts", Last_Name=name)
        for query in (f"word={quote(wanted)}", f"criteria={quote(f'(Last_Name:equals:{wanted})')}"):
            assert await zoho.names(f"/Contacts/search?{query}") == [name]
