"""Raw bytes at every door: bad UTF-8, huge numbers, deep nesting, wrong content types, odd methods."""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.conftest import Running
from tests.fuzz.envelopes import CHECKS, check
from tests.fuzz.keys import IDS, Keys, keys_of

EXAMPLES = int(os.environ.get("TEST_REQUESTS", "60"))
"""How many requests are made at each door."""

tries = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

PATHS = {
    "covalense": [
        "/crm/v1",
        "/crm/v1/",
        *("/crm/v1/login", "/crm/v1/signup", "/crm/v1/signup/kyc", "/crm/v1/profile/contact", "/crm/v1/profile/image"),
        *("/crm/v1/profile/account", "/crm/v1/profile/password/forgot", "/crm/v1/profile/password/change"),
        *(
            "/crm/v1/%00",
            "/crm/v1/%ff%fe",
            "/crm/v1/login/%2e%2e",
            "/crm/v1/%0Alogin%0A",
            "/crm/v1//login",
            "/crm/v1/LOGIN",
        ),
    ],
    "zoho": [
        *("/crm/v2", "/crm/v2/", "/crm/v2/Leads", "/crm/v2/Leads/upsert", "/crm/v2/Leads/search", "/crm/v2/Deals"),
        *("/crm/v2/Leads/{id}", "/crm/v2/Leads/{id}/photo", "/crm/v2/Leads/{id}/Notes", "/crm/v2/Notes"),
        *("/crm/v2/Leads/{id}/actions/convert", "/crm/v2/Leads/deleted", "/crm/v2/settings/fields", "/crm/v2/users"),
        *(
            "/crm/v2/%00/%ff",
            "/crm/v2/Leads/%0A/photo",
            "/oauth/v2/%0Atoken",
            "/crm/v2/Leads/%00",
            "/crm/v2//Leads",
            "/oauth/v2/token",
            "/oauth/v2",
            "/oauth/v2/x",
        ),
    ],
    "crmcom": [
        "/crmapi/rest/v2",
        *(
            f"/crmapi/rest/v2/{name}"
            for name in (
                *(
                    "",
                    "%0A",
                    "x%0A/y",
                    "authentication/token",
                    "authentication/token/release",
                    "contact_information/show",
                    "%00/%ff",
                ),
                *("contact_information/list", "contact_information/create", "contact_information/update", "x//y"),
                *("contact_information/profile_photo/view", "contact_information/profile_photo/add"),
                "contact_information/profile_photo/remove",
            )
        ),
        "/crm/ImageDownloadServlet",
    ],
    "valomnia": [
        *("/api", "/api/", "/api/v1.0", "/api/v1.0/contacts", "/api/v1.0/contacts/{id}", "/api/v1.0/customers/{id}"),
        *(
            "/api/v1.0/customers/reference/{id}",
            "/api/%00/contacts",
            "/api/%0A/contacts/%0A",
            "/api/v1.0/%0Ax/y",
            "/api/v1.0/contacts/%ff",
            "/api//contacts",
        ),
        *("/j_spring_security_check", "/login/ajaxSuccess", "/x/photoContact/small_y.png", "/%00/photoCustomer/%ff"),
    ],
    "graphql": ["/graphql"],
}
METHODS = ["GET", "POST", "POST", "POST", "PUT", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW", "get"]
TYPES = [
    None,
    b"application/json",
    b"application/json; charset=utf-16",
    b"application/x-www-form-urlencoded",
    b"application/x-www-form-urlencoded; charset=nonsense",
    b"multipart/form-data",
    b"multipart/form-data; boundary=x",
    b"multipart/form-data; boundary=" + b"y" * 300,
    b'multipart/form-data; boundary="\xff"; charset=utf-7',
    b"application/graphql-response+json",
    b"text/plain",
    b"; ;",
    b"\xff\xfe/\x80",
]
QUERIES = [
    "",
    "?",
    "?%ff=%fe",
    "?a[]=1&a[]=2",
    "?token=%00&token=x",
    "?fields=" + "x," * 400,
    "?page=1e999&per_page=-1",
]
QUERIES += ["?criteria=((((((((((((a:equals:b))", "?max=99999999999999999999&offset=-1", "?query={__typename}", "?%00"]

DEEP = 100_000
FIXED = [
    b"",
    b"null",
    b"5",
    b'"x"',
    b"true",
    b"[]",
    b"{}",
    b"[" * DEEP,
    b'{"data":' * DEEP,
    b'{"query":"' + b"{a" * 5000 + b'"}',
    b'{"a":' + b"9" * DEEP + b"}",
    b'{"a":-1e99999,"b":NaN,"c":Infinity}',
    b'{"id":18446744073709551616,"data":[{"No_of_Employees":18446744073709551616,"Last_Name":"x"}]}',
    b'{"data":[{"Last_Name":"\\ud800"}]}',
    b'{"data":[{"Last_Name":"a\\u0000b","id":"1"}]}',
    b'{"data":{"Last_Name":"x"}}',
    b'{"data":[null,5,"x",[]]}',
    b'{"email":"\\u0000","password":"\\ud800"}',
    b'{"email":["x"],"password":{"a":1}}',
    b'{"query":5,"variables":[],"operationName":{}}',
    b'{"query":"{__typename}","variables":"x"}',
    b'{"query":"\\u0000"}',
    b"[null]",
    b"a=%ff&b=%00&a=%ed%a0%80",
    b"&" * 5000,
    b"--x\r\nContent-Disposition: form-data; name=operations\r\n\r\n5\r\n--x\r\n"
    b"Content-Disposition: form-data; name=map\r\n\r\n[]\r\n--x--\r\n",
    b"--x\r\nContent-Disposition: form-data; name=file; filename*=utf-8''%ff\r\n\r\n\xff\xd8\xff\xe0\r\n--x--\r\n",
    b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--\r\n",
    b"--x",
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=10),
)
WORDS = """data id Last_Name Owner email password AcctInfo Platform token query variables type first_name phones_set
addresses_set demographics date_of_birth contact_information_identifier fields_set dashboardSettings birthday
extensions operationName"""
OBJECTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS.split()), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
async def keys(demo: Running) -> Keys:
    return await keys_of(demo)


def bodies() -> st.SearchStrategy[bytes]:
    """Bytes of all sorts: fixed ones, JSON of no shape that anybody asked for, the same cut off, and noise."""
    shapeless = OBJECTS.map(lambda value: json.dumps(value).encode())
    cut = st.tuples(shapeless, st.integers(0, 40)).map(lambda pair: pair[0][: -pair[1] or None] + b"\x80")
    return st.sampled_from(FIXED) | shapeless | cut | st.binary(max_size=200)


@pytest.mark.parametrize("door", CHECKS)
@tries
@seed(20260105)
@given(data=st.data())
async def test_raw_bytes_are_answered_in_the_doors_own_words(demo: Running, keys: Keys, door: str, data: Any) -> None:
    method = data.draw(st.sampled_from(METHODS))
    path: str = data.draw(st.sampled_from(PATHS[door]))
    path = path.replace(
        "{id}", data.draw(st.sampled_from((*IDS.get(door, ("x",)), "0", "-1", "9" * 30, "%00", "x" * 500)))
    )
    path += data.draw(st.sampled_from(QUERIES))
    headers: list[tuple[bytes, bytes]] = [(b"accept", b"*/*")]
    if data.draw(st.booleans(), label="inside") or door in ("crmcom", "covalense"):
        headers += [(name.encode(), value.encode()) for name, value in keys.headers(door).items()]
        if door == "crmcom":
            path += ("&" if "?" in path else "?") + f"token={keys.crmcom}"
    if (
        odd := data.draw(st.sampled_from((None, None, None, b"", b"\xff\xfe", b"Bearer \x80", b"=;" * 900)))
    ) is not None:
        spoiled = data.draw(st.sampled_from((b"authorization", b"cookie", b"token", b"data", b"accept", b"origin")))
        headers = [(name, value) for name, value in headers if name.lower() != spoiled] + [(spoiled, odd)]
    if (kind := data.draw(st.sampled_from(TYPES))) is not None:
        headers.append((b"content-type", kind))
    body = data.draw(bodies())
    answer = await demo.client.request(method, path, headers=headers, content=body)
    demo.client.cookies.clear()
    check(door, method, answer)


@pytest.mark.parametrize(
    ("door", "path"),
    [
        ("covalense", "/crm/v1/%0Alogin%0A"),
        ("zoho", "/crm/v2/Leads/%0A/photo"),
        ("zoho", "/oauth/v2/%0Atoken"),
        ("crmcom", "/crmapi/rest/v2/x%0A/y"),
        ("valomnia", "/api/v1.0/%0Ax/y"),
        ("valomnia", "/x%0A/photoContact/%0A"),
    ],
)
async def test_a_path_with_a_line_break_stays_with_its_door(demo: Running, door: str, path: str) -> None:
    for method in ("GET", "POST", "BREW"):
        answer = await demo.client.request(method, path)
        check(door, method, answer)
        assert answer.status_code == 200 if door == "crmcom" else answer.status_code >= 400
