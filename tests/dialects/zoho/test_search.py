"""Searches by criteria, email, phone and word."""

from typing import Any
from urllib.parse import quote

import pytest

from crmgraph.dialects.zoho.criteria import Condition, Group, NotCriteria, parse
from tests.dialects.zoho.conftest import LEAD, OTHER, PATRICIA, Program

A, B = Condition("A", "equals", ("1",)), Condition("B", "starts_with", ("2",))
C = Condition("C", "in", ("3", "4"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(A:equals:1)", A),
        ("A:equals:1", A),
        ("((A:equals:1))", A),
        (" ( A : equals :1) ", A),
        ("((A:equals:1)and(B:starts_with:2))", Group("and", (A, B))),
        ("(A:equals:1) AND (B:starts_with:2)", Group("and", (A, B))),
        ("((A:equals:1)or((B:starts_with:2)and(C:in:3,4)))", Group("or", (A, Group("and", (B, C))))),
        ("(A:equals:1)or(B:starts_with:2)and(C:in:3,4)", Group("or", (A, Group("and", (B, C))))),
        ("(((A:equals:1)or(B:starts_with:2))and(C:in:3,4))", Group("and", (Group("or", (A, B)), C))),
        (r"(A:equals:a\(b\)\, c\\)", Condition("A", "equals", (r"a(b), c\ ".strip(),))),
        ("(A:equals:12:30, and (more)".replace("(more", "more"), Condition("A", "equals", ("12:30", " and more"))),
        ("(A:equals:)", Condition("A", "equals", ("",))),
    ],
)
def test_criteria_are_read(text: str, expected: Condition | Group) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "(",
        "A",
        "(A)",
        "(A:equals)",
        "(A:like:1)",
        "(A:equals:1",
        "(A:equals:1))",
        "(A:equals:1)(B:equals:2)",
        "(A:equals:1)and",
        "(A:equals:1)xor(B:equals:2)",
        "(A B:equals:1)",
        "(A:equals:(1))",
        "(" * 5000 + "A:equals:1" + ")" * 5000,
        "and".join(["(A:equals:1)"] * 11),
        "(A:equals:" + "x" * 10_001 + ")",
    ],
)
def test_what_is_no_criteria_is_refused(text: str) -> None:
    with pytest.raises(NotCriteria):
        parse(text)


async def test_criteria_find_what_fulfils_them(zoho: Program) -> None:
    account = await zoho.create("Accounts", Account_Name="Search (Ltd), Inc.", Employees=7, Annual_Revenue=10.5)
    born = await zoho.create(
        "Contacts", Last_Name="Born", First_Name="Bo Li", Date_of_Birth="1990-02-28", Account_Name=account, Score=12
    )
    await zoho.create("Contacts", Last_Name="100%_sure", Account_Name=account, Email_Opt_Out=True, Score="high")
    user = PATRICIA["id"]
    for module, criteria, expected in (
        ("Leads", "((Email:equals:CARISSA@goodknits.example)and(Last_Name:starts_with:kid))", ["Kidman"]),
        ("Leads", "((Email:equals:carissa@goodknits.example) and (Last_Name:starts_with:x))", []),
        (
            "Leads",
            "((Last_Name:equals:kidman)or((Lead_Status:equals:New)and(City:equals:TOKYO)))",
            ["Tanaka", "Kidman"],
        ),
        ("Leads", "(Company:contains:good)", ["Kidman"]),
        ("Leads", "(Company:in:grayson,Oh My Goodknits)", ["Sweely", "Kidman"]),
        ("Leads", "(Company:not_equal:grayson)", ["Tanaka", "Kidman", "Last_Name"]),
        ("Leads", "(Company:equals:${EMPTY})", ["Last_Name"]),
        ("Leads", "(Mobile:starts_with:98-98)", ["Kidman"]),
        ("Leads", "(No_of_Employees:greater_than:40)", ["Last_Name"]),
        ("Leads", "(No_of_Employees:greater_equal:40)", ["Tanaka", "Last_Name"]),
        ("Leads", "(Annual_Revenue:less_than:136.68)", ["Last_Name"]),
        ("Leads", "(Annual_Revenue:between:136.67,2500000)", ["Tanaka", "Last_Name"]),
        ("Leads", "(Created_Time:less_equal:2021-05-11T12:41:33+00:00)", ["Kidman", "Last_Name"]),
        ("Leads", "(Created_Time:between:2021-10-05T23:30:00+05:30,2021-10-06T00:00:00+05:30)", ["Sweely"]),
        ("Leads", f"(Owner:equals:{user})", ["Sweely", "Kidman", "Last_Name"]),
        ("Leads", f"(Owner.id:not_equal:{user})", ["Tanaka"]),
        ("Leads", f"(id:in:{LEAD},{OTHER},5)", ["Kidman", "Last_Name"]),
        ("Leads", "(Full_Name:equals:carissa kidman)", ["Kidman"]),
        ("Leads", "(Full_Name:starts_with:car)", ["Kidman"]),
        ("Leads", "(Secondary_Email:equals:newcrmapi@zoho.com)", ["Last_Name"]),
        ("Accounts", r"(Account_Name:equals:search \(ltd\), inc.)", ["Search (Ltd), Inc."]),
        ("Accounts", "(Employees:equals:7)", ["Search (Ltd), Inc."]),
        ("Contacts", "(Date_of_Birth:equals:1990-02-28)", ["Born"]),
        ("Contacts", "(Full_Name:equals:Bo Li Born)", ["Born"]),
        ("Contacts", r"(Account_Name:equals:Search \(Ltd\)\, Inc.)", ["100%_sure", "Born"]),
        ("Contacts", f"((Account_Name:equals:{account})and(Email_Opt_Out:equals:true))", ["100%_sure"]),
        ("Contacts", f"((Account_Name:equals:{account})and(Last_Name:starts_with:100%25_))", []),
        ("Contacts", "(Last_Name:starts_with:100%_)", ["100%_sure"]),
        ("Contacts", "(Last_Name:starts_with:%)", []),
        ("Contacts", "(Score:equals:12)", ["Born"]),
        ("Contacts", "(Score:greater_than:5)", ["Born"]),
        ("Contacts", "(Score:equals:HIGH)", ["100%_sure"]),
        ("Contacts", f"((id:equals:{born})or(Score:equals:high))", ["100%_sure", "Born"]),
    ):
        assert (criteria, await zoho.names(f"/{module}/search?criteria={quote(criteria, safe='')}")) == (
            criteria,
            expected,
        )


async def test_queries_that_make_no_sense_are_invalid(zoho: Program) -> None:
    for module, criteria in (
        ("Leads", "(Last_Name)"),
        ("Leads", "(No_of_Employees:equals:many)"),
        ("Leads", "(No_of_Employees:starts_with:5)"),
        ("Leads", "(No_of_Employees:equals:" + "9" * 40 + ")"),
        ("Leads", "(Annual_Revenue:greater_than:NaN)"),
        ("Leads", "(Annual_Revenue:greater_than:1e999999999)"),
        ("Leads", "(Email_Opt_Out:equals:perhaps)"),
        ("Leads", "(Created_Time:greater_than:yesterday)"),
        ("Leads", "(Created_Time:between:2021-05-11T12:41:33Z)"),
        ("Leads", "(Record_Image:equals:x)"),
        ("Leads", "(Owner:starts_with:5)"),
        ("Leads", "(Last_Name:equals:\x00)"),
        ("Leads", "(Full_Name:contains:x)"),
        ("Leads", "(Full_Name:starts_with: )"),
        ("Contacts", "(Date_of_Birth:greater_than:1990-01)"),
        ("Accounts", "(Account_Number:starts_with:5)"),
        ("Accounts", "(Account_Number:contains:5)"),
        ("Contacts", "(Date_of_Birth:starts_with:1990-01-01)"),
        ("Contacts", "(Date_of_Birth:between:1990-01-01)"),
        ("Contacts", "(Date_of_Birth:equals:soon)"),
    ):
        answer = await zoho.send("GET", f"/{module}/search?criteria={quote(criteria, safe='')}")
        assert (criteria, answer.status_code) == (criteria, 400)
        assert answer.json() == {
            "code": "INVALID_QUERY",
            "details": {},
            "message": "invalid query formed",
            "status": "error",
        }
    answer = await zoho.send("GET", "/Leads/search?criteria=&")
    assert (answer.status_code, answer.json()["code"]) == (400, "REQUIRED_PARAM_MISSING")


async def test_emails_phones_and_words_are_found_in_every_field(zoho: Program) -> None:
    for query, expected in (
        ("email=NEWCRMAPI@zoho.com", ["Last_Name"]),
        ("email=nobody", []),
        ("phone=(98) 98-98-98-98", ["Kidman"]),
        ("phone=%2B81 3 1234 5678", ["Tanaka"]),
        ("phone=nothing", []),
        ("word=kid", ["Kidman"]),
        ("word=goodknits", ["Kidman"]),
        ("word=carissa kid", ["Kidman"]),
        ("word=carissa tanaka", []),
        ("word=tokyo", ["Tanaka"]),
        ("word=97654321", ["Sweely"]),
        ("word=97654321&approved=both", ["Sweely", "Merced"]),
        ("word=%25", []),
    ):
        assert (query, await zoho.names(f"/Leads/search?{query}")) == (query, expected)
    assert (await zoho.send("GET", "/Leads/search?word=%20")).status_code == 400


async def test_dates_are_compared_and_sorted_as_dates(zoho: Program) -> None:
    account = await zoho.create("Accounts", Account_Name="Dates")
    for name, born in (("Old", "1899-12-31"), ("Leap", "2000-02-29"), ("Day", "2000-03-01"), ("None", None)):
        await zoho.create("Contacts", Last_Name=name, Date_of_Birth=born, Account_Name=account)
    for condition, expected in (
        ("equals:2000-02-29", {"Leap"}),
        ("not_equal:2000-02-29", {"Old", "Day", "None"}),
        ("in:2000-02-29,1899-12-31,1970-01-01", {"Leap", "Old"}),
        ("between:1899-12-31,2000-02-29", {"Old", "Leap"}),
        ("greater_than:2000-02-29", {"Day"}),
        ("greater_equal:2000-02-29", {"Day", "Leap"}),
        ("less_than:2000-02-29", {"Old"}),
        ("less_equal:2000-03-01", {"Old", "Leap", "Day"}),
        ("equals:${EMPTY}", {"None"}),
        ("not_equal:${EMPTY}", {"Old", "Leap", "Day"}),
    ):
        criteria = quote(f"((Account_Name:equals:{account})and(Date_of_Birth:{condition}))", safe="")
        assert (condition, set(await zoho.names(f"/Contacts/search?criteria={criteria}"))) == (condition, expected)
    names = [
        n for n in await zoho.names("/Contacts?sort_by=Date_of_Birth&sort_order=asc") if n in ("Old", "Leap", "Day")
    ]
    assert names == ["Old", "Leap", "Day"]
    names = [
        n for n in await zoho.names("/Contacts?sort_by=Date_of_Birth&sort_order=desc") if n in ("Old", "Leap", "Day")
    ]
    assert names == ["Day", "Leap", "Old"]
    body = {"data": [{"Last_Name": "New"}], "duplicate_check_fields": ["Date_of_Birth"]}
    answer = await zoho.send("POST", "/Contacts/upsert", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")


async def test_custom_values_are_compared_as_what_they_are(zoho: Program) -> None:
    account = await zoho.create(
        "Accounts", Account_Name="Custom", SIC_Code=7372, Annual_Revenue=12.5, Account_Number=7, Employees=3
    )
    rows = {
        "a": {"Score": 12.5, "Hobbies": ["Golf", "Chess"], "Tag": [{"name": "VIP", "id": "1"}], "Member": True},
        "b": {"Score": 12, "Hobbies": ["Golfer"], "Tag": [{"name": "VIPs"}], "Member": False, "Joined": "2020-01-31"},
        "c": {"Score": "12.5", "Hobbies": "Golf course", "Tag": [], "Joined": "2021-01-31"},
        "d": {"Score": "high", "Hobbies": [], "Joined": "2019-01-31"},
    }
    for name, values in rows.items():
        await zoho.create("Contacts", Last_Name=name, Account_Name=account, **values)
    for condition, expected in (
        ("Score:equals:12.5", "ac"),
        ("Score:equals:12.50", "ac"),
        ("Score:equals:+12.5e0", "ac"),
        ("Score:equals:12", "b"),
        ("Score:equals:12.0", "b"),
        ("Score:not_equal:12.50", "bd"),
        ("Score:in:12.50,12.0", "abc"),
        ("Score:in:12.50,HIGH", "acd"),
        ("Score:between:12.1,12.9", "ac"),
        ("Hobbies:equals:golf", "a"),
        ("Hobbies:equals:Chess", "a"),
        ("Hobbies:in:Chess,Golfer", "ab"),
        ("Hobbies:not_equal:Golf", "bcd"),
        ("Hobbies:contains:Golf", "ac"),
        ("Hobbies:contains:Gol", "c"),
        ("Hobbies:starts_with:Gol", "abc"),
        ("Hobbies:equals:${EMPTY}", "d"),
        ("Hobbies:not_equal:${EMPTY}", "abc"),
        ("Tag:equals:VIP", "a"),
        ("Tag:in:vip,vips", "ab"),
        ("Tag:contains:VIP", "a"),
        ("Tag:equals:1", ""),
        ("Tag:not_equal:VIP", "bcd"),
        ("Member:equals:true", "a"),
        ("Member:equals:false", "b"),
        ("Joined:equals:2020-01-31", "b"),
        ("Joined:greater_than:2020-01-30", "bc"),
        ("Joined:between:2019-01-01,2020-12-31", "bd"),
    ):
        criteria = quote(f"((Account_Name:equals:{account})and({condition}))", safe="")
        found = "".join(sorted(await zoho.names(f"/Contacts/search?criteria={criteria}")))
        assert (condition, found) == (condition, expected)
    for condition in (
        "SIC_Code:equals:7372",
        "Annual_Revenue:equals:12.50",
        "Annual_Revenue:in:1,12.5000",
        "Annual_Revenue:between:12.4,12.6",
        "Account_Number:equals:7",
        "Account_Number:in:7.0,9",
        "Employees:equals:3.0",
    ):
        criteria = quote(f"({condition})", safe="")
        assert (condition, await zoho.names(f"/Accounts/search?criteria={criteria}")) == (condition, ["Custom"])


COUNTRY_FIELDS = [
    ("Contacts", "Mailing_Country"), ("Contacts", "Other_Country"), ("Leads", "Country"),
    ("Accounts", "Billing_Country"), ("Accounts", "Shipping_Country"),
]  # fmt: skip
COUNTRIES = {
    "usa": "U.S.A.", "us": "United States", "de": "Deutschland", "nl": "The Netherlands", "free": "Freedonia",
    "no": None,
}  # fmt: skip


@pytest.mark.parametrize(("module", "field"), COUNTRY_FIELDS)
async def test_a_country_is_found_by_any_of_its_names_and_codes(zoho: Program, module: str, field: str) -> None:
    own = "Account_Name" if module == "Accounts" else "Last_Name"
    for name, country in COUNTRIES.items():
        await zoho.create(module, **{own: f"Cc {name}", field: country})
    if module == "Contacts":  # what another address has is not what this one has
        other = {"Mailing_Country": "Other_Country", "Other_Country": "Mailing_Country"}[field]
        await zoho.create(module, **{own: "Cc no", other: "USA"})
    for condition, expected in (
        ("equals:United States", ["us", "usa"]),
        ("equals:u.s.a.", ["us", "usa"]),
        ("equals:USA", ["us", "usa"]),
        ("equals:us", ["us", "usa"]),
        ("equals:Vereinigte Staaten", ["us", "usa"]),
        ("equals:États-Unis", ["us", "usa"]),
        ("equals:Germany", ["de"]),
        ("equals:Nederland", ["nl"]),
        ("equals:freedonia", ["free"]),
        ("equals:Oz", []),
        ("equals:Kongo", []),
        ("in:Germany,Oz,FREEDONIA,nl", ["de", "free", "nl"]),
        ("in:Oz,Mordor", []),
        ("starts_with:Unit", ["us"]),
        ("contains:.S.", ["usa"]),
        ("equals:${EMPTY}", ["no"]),
    ):
        asked = quote(f"(({own}:starts_with:Cc )and({field}:{condition}))", safe="")
        found = sorted({name[3:] for name in await zoho.names(f"/{module}/search?criteria={asked}")})
        assert (condition, found) == (condition, expected)
        if condition.startswith("equals:"):
            asked = quote(f"(({own}:starts_with:Cc )and({field}:not_{condition.replace('equals', 'equal')}))", safe="")
            rest = sorted({name[3:] for name in await zoho.names(f"/{module}/search?criteria={asked}")})
            assert (condition, rest) == (condition, sorted(COUNTRIES.keys() - set(expected)))


async def test_a_country_that_has_an_unknown_name_over_its_code_is_found_by_both(zoho: Program) -> None:
    contact = await zoho.create("Contacts", Last_Name="Cc", Mailing_Country="NL")
    await zoho.ok("PUT", f"/Contacts/{contact}", {"data": [{"Mailing_Country": "Oranjeland"}]})
    for value in ("Oranjeland", "Netherlands"):
        criteria = quote(f"((Last_Name:equals:Cc)and(Mailing_Country:equals:{value}))", safe="")
        assert await zoho.names(f"/Contacts/search?criteria={criteria}") == ["Cc"]


WRITTEN: dict[str, Any] = {
    "a": "12.50", "b": 12.5, "c": "12,5", "d": "007", "e": 7, "f": "7", "g": "1e3", "h": 1000, "i": "1000", "j": "-3",
    "k": "+3", "l": "12.5 EUR", "m": ".5", "n": "0.50", "o": "5.", "p": "1.2.3", "q": "--3", "r": "123456789012345678",
    "s": "123456789012345679", "t": "0", "u": "-0.0", "v": "\u0661\u0662", "w": "NaN", "x": "0x10", "y": "1_000",
    "z": True, "A": ["12.50"], "B": {"name": "12.50"}, "C": "-", "D": "7 7", "E": "99999999999999", "F": "007.0",
}  # fmt: skip
"""What stands in a field of the client's own, of which some is a number however it is written."""


async def test_a_number_that_is_kept_as_text_is_compared_as_a_number(zoho: Program) -> None:
    account = await zoho.create("Accounts", Account_Name="Written")
    given = {"Account_Name": account}
    rows = [{"Last_Name": name, "Worth": value} | given for name, value in WRITTEN.items()]
    rows.append({"Last_Name": "none"} | given)
    await zoho.ok("POST", "/Contacts", {"data": rows}, status=201)
    everybody = {row["Last_Name"] for row in rows}
    for condition, expected in (
        ("equals:12.5", "ab"),
        ("equals:12.50", "abA"),
        ("equals:12.500", "ab"),
        ("equals:12,5", "c"),
        ("equals:007", "d"),
        ("equals:7", "ef"),
        ("equals:7.0", "ef"),
        ("equals:007.0", "F"),
        ("equals:1000", "hi"),
        ("equals:1e3", "ghi"),
        ("equals:-3.0", "j"),
        ("equals:3", ""),
        ("equals:+3", "k"),
        ("equals:0.5", "n"),
        ("equals:.5", "mn"),
        ("equals:5", ""),
        ("equals:0", "tu"),
        ("equals:123456789012345678", "r"),
        ("equals:16", ""),
        ("in:12.500,007,HIGH", "abd"),
        ("between:12,13", "ab"),
        ("between:0.1,1000", "abefhin"),
        ("greater_than:999", "hiE"),
        ("greater_equal:99999999999999", "E"),
        ("less_than:0", "j"),
        ("less_equal:0", "jtu"),
    ):
        criteria = quote(f"((Account_Name:equals:{account})and(Worth:{condition}))", safe="")
        found = set(await zoho.names(f"/Contacts/search?criteria={criteria}"))
        assert (condition, found) == (condition, set(expected))
        if condition.startswith("equals"):
            asked = quote(f"((Account_Name:equals:{account})and(Worth:not_{condition.replace('s', '', 1)}))", safe="")
            rest = set(await zoho.names(f"/Contacts/search?criteria={asked}"))
            assert (condition, rest) == (condition, everybody - set(expected))


async def test_an_upsert_takes_no_text_for_a_number(zoho: Program) -> None:
    first = await zoho.create("Contacts", Last_Name="One", Ref="12.50")
    for value in (12.5, "12.500"):
        body = {"data": [{"Last_Name": "Two", "Ref": value}], "duplicate_check_fields": ["Ref"]}
        (told,) = (await zoho.ok("POST", "/Contacts/upsert", body))["data"]
        assert (told["action"], told["details"]["id"] == first) == ("insert", False)
