"""Text is in the charset that a request declares, else in UTF-8; what is no text in it is refused."""

import json
from urllib.parse import parse_qsl, quote

import httpx
import pytest
import structlog

from crmgraph.crm.models import Door
from crmgraph.http.reading import urlencoded
from tests.agreement.doors import PORTAL
from tests.agreement.world import World, founded
from tests.conftest import Running

FORM = "application/x-www-form-urlencoded"
NAMES = {
    "ISO-8859-1": "René Ångström",
    "iso-8859-1": "Müller €",
    "windows-1252": "“Zoë” Œuvre",
    "ISO-8859-15": "Šárka €",
    "windows-1251": "Иванов",
    "koi8-r": "Пётр",
    "Shift_JIS": "山田太郎",
    "gb18030": "王小明",
    "UTF-8": "Łukasz 山",
    '"utf-8"': "Łukasz 山",
}
WRONG = [
    ("UTF-8", b"Ren\xe9"),
    ("UTF-8", b"\xc3"),
    ("UTF-8", b"\xed\xa0\x80"),
    ("us-ascii", b"Ren\xe9"),
    ("windows-1252", b"\x81"),
    ("Shift_JIS", b"\x85\x40\xfd"),
    ("", b"Ren\xe9"),
    ("ebcdic-cp-us", b"Rene"),
    ("punycode", b"Rene"),
    ("unicode_escape", b"\\u0041"),
    ("base64", b"UmVu"),
]


def encoded(name: str, charset: str) -> bytes:
    codec = charset.strip('"').lower()
    return name.encode("cp1252" if codec == "iso-8859-1" else codec)


def kind_of(kind: str, charset: str) -> dict[str, str]:
    return {"content-type": f"{kind}; charset={charset}" if charset else kind}


@pytest.fixture
async def world(running: Running) -> World:
    return await founded(running)


class Valomnia:
    """Makes a contact of this last name, in each form of a body that this door takes."""

    refusal = (400, {"error": "malformed_request", "error_description": "The body of the request could not be read."})

    def __init__(self, world: World, account: int) -> None:
        self.world = world
        self.fields = f"firstName=A&customerId={account}&lastName="
        self.cookie = {"cookie": f"JSESSIONID={world.tokens[Door.VALOMNIA]}"}

    async def post(self, body: bytes, headers: dict[str, str], query: str = "") -> httpx.Response:
        return await self.world.client.post(f"/api/v1.0/contacts{query}", content=body, headers=headers | self.cookie)

    async def form(self, charset: str, name: bytes, *, raw: bool = False) -> httpx.Response:
        written = name if raw else quote(name).encode()
        return await self.post(self.fields.encode() + written, kind_of(FORM, charset))

    async def query(self, charset: str, name: bytes) -> httpx.Response:
        return await self.post(b"", kind_of(FORM, charset), "?" + self.fields + quote(name))


@pytest.fixture
async def valomnia(world: World) -> Valomnia:
    body = {"query": 'mutation { createAccount(input: {name: "One"}) { account { id } } }'}
    made = await world.client.post("/graphql", json=body, headers={"Authorization": f"Bearer {world.graph}"})
    return Valomnia(world, int(made.json()["data"]["createAccount"]["account"]["id"][4:]))


@pytest.mark.parametrize(("charset", "name"), NAMES.items())
async def test_a_form_and_a_query_are_read_in_the_charset_that_is_declared(
    valomnia: Valomnia, charset: str, name: str
) -> None:
    data = encoded(name, charset)
    for answer in (
        await valomnia.form(charset, data),
        await valomnia.form(charset, data, raw=True),
        await valomnia.query(charset, data),
    ):
        assert (answer.status_code, answer.json()["lastName"]) == (201, name), answer.text


async def test_a_form_in_a_charset_beside_ascii_is_read_whole(valomnia: Valomnia) -> None:
    for charset in ("utf-16", "utf-16le", "utf-32"):
        body = (valomnia.fields + "Ren%C3%A9").encode(charset)
        answer = await valomnia.post(body, kind_of(FORM, charset))
        assert (answer.status_code, answer.json()["lastName"]) == (201, "René")


@pytest.mark.parametrize(("charset", "data"), WRONG)
async def test_bytes_that_are_no_text_in_the_charset_are_refused_and_nothing_is_stored(
    valomnia: Valomnia, charset: str, data: bytes
) -> None:
    for answer in (await valomnia.form(charset, data), await valomnia.form(charset, data, raw=True)):
        assert (answer.status_code, answer.json()) == Valomnia.refusal
    answer = await valomnia.query(charset, data)
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed_request")
    listed = await valomnia.world.client.get("/api/v1.0/contacts", headers=valomnia.cookie)
    assert listed.json()["data"] == []


def part(name: bytes, value: bytes, *, file: bytes | None = None, kind: bytes = b"") -> bytes:
    named = b'; filename="' + file + b'"' if file is not None else b""
    typed = b"Content-Type: " + kind + b"\r\n" if kind else b""
    return (
        b'--b\r\nContent-Disposition: form-data; name="'
        + name
        + b'"'
        + named
        + b"\r\n"
        + typed
        + b"\r\n"
        + value
        + b"\r\n"
    )


@pytest.mark.parametrize(
    ("top", "own", "default", "status"),
    [
        ("", "", "", 400),
        ("; charset=iso-8859-1", "", "", 201),
        ("", "text/plain; charset=ISO-8859-1", "", 201),
        ("", "", "ISO-8859-1", 201),
        ("; charset=utf-8", "text/plain; charset=iso-8859-1", "utf-8", 201),
        ("", "text/plain; charset=x-none", "", 400),
        ("; charset=x-none", "", "", 400),
    ],
)
async def test_the_fields_of_a_multipart_form_are_in_their_own_charset_or_that_of_the_form(
    valomnia: Valomnia, top: str, own: str, default: str, status: int
) -> None:
    fields = [tuple(each.split("=")) for each in valomnia.fields.rstrip("=").split("&")][:2]
    body = b"".join(part(name.encode(), value.encode()) for name, value in fields)
    body += part(b"_charset_", default.encode()) if default else b""
    body += part(b"lastName", b"Ren\xe9", kind=own.encode()) + b"--b--\r\n"
    answer = await valomnia.post(body, {"content-type": f"multipart/form-data; boundary=b{top}"})
    assert answer.status_code == status, answer.text
    assert answer.json() == Valomnia.refusal[1] if status == 400 else answer.json()["lastName"] == "René"


@pytest.mark.parametrize("charset", ["ISO-8859-1", "windows-1252", "utf-16", "utf-16be", "utf-32", "utf-8"])
async def test_json_is_read_in_the_charset_that_is_declared(world: World, charset: str) -> None:
    headers = kind_of("application/json", charset) | {"Authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"}
    text = json.dumps({"data": [{"Last_Name": "René"}]}, ensure_ascii=False)
    answer = await world.client.post("/crm/v2/Leads", content=text.encode(charset), headers=headers)
    assert answer.status_code == 201, answer.text
    lead = answer.json()["data"][0]["details"]["id"]
    found = await world.client.get(f"/crm/v2/Leads/{lead}", headers=headers)
    assert found.json()["data"][0]["Last_Name"] == "René"


async def test_every_door_refuses_what_is_no_text_in_its_own_words(world: World, valomnia: Valomnia) -> None:
    client = world.client
    zoho = {"Authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"}
    latin = '{"data": [{"Last_Name": "René"}]}'.encode("latin-1")
    body_refused = {"code": "INVALID_DATA", "details": {"expected_data_type": "jsonobject"}, "message": "body"}
    body_refused["status"] = "error"
    for charset in ("", "utf-8", "x-none"):
        answer = await client.post("/crm/v2/Leads", content=latin, headers=zoho | kind_of("application/json", charset))
        assert (answer.status_code, answer.json()) == (400, body_refused)
    answer = await client.get("/crm/v2/Leads/search?word=Ren%E9", headers=zoho)
    assert (answer.status_code, answer.json()["code"], answer.json()["details"]["param"]) == (
        400,
        "INVALID_DATA",
        "query",
    )
    grant = b"grant_type=refresh_token&client_id=%E9"
    for answer in (
        await client.post("/oauth/v2/token", content=grant, headers={"content-type": FORM}),
        await client.post("/oauth/v2/token?" + grant.decode()),
    ):
        assert (answer.status_code, answer.json()) == (200, {"error": "invalid_request"})
    token = world.tokens[Door.CRMCOM]
    for answer in (
        await client.post(
            "/crmapi/rest/v2/contacts/create",
            content=f"token={token}&first_name=Ren%E9",
            headers={"content-type": FORM},
        ),
        await client.post(f"/crmapi/rest/v2/contacts/create?token={token}&first_name=Ren%E9", json={}),
        await client.post("/crmapi/rest/v2/contacts/create", content=b'{"first_name": "Ren\xe9"}'),
        await client.post("/crmapi/rest/v2/contacts/create", content=b"a=b", headers=kind_of(FORM, "x-none")),
    ):
        assert (answer.status_code, answer.json()["data"]) == (200, None)
        assert answer.json()["status"]["code"] != "OK"
    for content, headers in ((b'{"email": "Ren\xe9"}', {}), (b'{"email": "x"}', kind_of("application/json", "x-none"))):
        answer = await client.post("/crm/v1/login", content=content, headers=PORTAL | headers)
        assert answer.status_code == 400
        assert "Request body is not readable as JSON." in answer.text
    answer = await client.post("/crm/v1/signup/kyc?Data=%7B%22LastName%22:%22Ren%E9%22%7D", headers=PORTAL)
    assert answer.status_code == 400
    assert "Request parameter is not readable as text in UTF-8." in answer.text
    answer = await client.post("/crm/v1/signup/kyc", headers=PORTAL | {"Data": "%7B%22LastName%22:%22Ren%E9%22%7D"})
    assert answer.status_code == 400
    assert "Request parameter is not readable as text in UTF-8." in answer.text
    answer = await client.get("/graphql?query=%7B__typename%E9%7D")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    answer = await client.post("/graphql", content=b"{}", headers=kind_of("application/json", "x-none"))
    assert answer.status_code == 415


async def test_a_file_name_is_in_the_charset_of_its_form(world: World, valomnia: Valomnia) -> None:
    fields = b"".join(
        part(*(side.encode() for side in each.split("="))) for each in (valomnia.fields + "Photo").split("&")
    )
    body = fields + part(b"imageFile", PNG, file=b"caf\xe9.png", kind=b"image/png") + b"--b--\r\n"
    answer = await valomnia.post(body, {"content-type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()) == Valomnia.refusal
    answer = await valomnia.post(body, {"content-type": "multipart/form-data; boundary=b; charset=iso-8859-1"})
    assert answer.status_code == 201, answer.text
    query = {"query": "{ contacts { nodes { photo { fileName } } } }"}
    found = await world.client.post("/graphql", json=query, headers={"Authorization": f"Bearer {world.graph}"})
    assert found.json()["data"]["contacts"]["nodes"] == [{"photo": {"fileName": "café.jpg"}}]


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)
"""One red pixel."""


BROKEN = ("%FF", "%C3%28", "%ED%A0%80", "%F0%9F%98", "A%C3B")
PLACES = {
    "zoho, a record": "/crm/v2/Contacts/{}",
    "zoho, a module": "/crm/v2/{}",
    "zoho, notes": "/crm/v2/Contacts/{}/Notes",
    "zoho, a photo": "/crm/v2/Contacts/{}/photo",
    "zoho, beside": "/crm/v3/{}",
    "oauth": "/oauth/v2/{}",
    "covalense": "/crm/v1/{}",
    "crmcom, a method": "/crmapi/rest/v2/contacts/{}",
    "crmcom, beside": "/crmapi/rest/v1/{}",
    "crmcom, an image": "/crm/ImageDownloadServlet/{}",
    "valomnia, a contact": "/api/v1.0/contacts/{}",
    "valomnia, a customer": "/api/v1.0/customer/{}",
    "valomnia, customers": "/api/v1.0/customers/{}",
    "valomnia, a reference": "/api/v1.0/customers/reference/{}",
    "valomnia, a version": "/api/{}/contacts",
    "valomnia, a picture": "/1-{}/photo/a.jpg",
    "graphql": "/graphql/{}",
    "photos": "/photos/{}/small/a.jpg",
    "site": "/{}",
}


@pytest.mark.parametrize("path", PLACES.values(), ids=PLACES)
async def test_a_path_with_bytes_that_are_no_text_names_nothing_in_the_words_of_its_door(
    world: World, valomnia: Valomnia, path: str
) -> None:
    tokens = world.tokens
    headers = valomnia.cookie | PORTAL
    if path.startswith("/crm/v"):
        headers["Authorization"] = f"Zoho-oauthtoken {tokens[Door.ZOHO]}"
    query = {"token": tokens[Door.CRMCOM]} if path.startswith("/crmapi") else {}
    unknown = await world.client.get(path.format("no-such-thing"), headers=headers, params=query)
    for broken in BROKEN:
        with structlog.testing.capture_logs() as lines:
            answer = await world.client.get(path.format(broken), headers=headers, params=query)
        assert (answer.status_code, answer.headers.get("content-type")) == (
            unknown.status_code,
            unknown.headers.get("content-type"),
        ), (broken, answer.text)
        assert answer.status_code < 500
        assert "\ufffd" not in answer.text
        assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
        (line,) = [line for line in lines if line["event"] == "request"]
        assert "\ufffd" not in line["path"]


async def test_bytes_that_are_no_text_do_not_name_what_holds_the_sign_for_them(
    world: World, valomnia: Valomnia
) -> None:
    mutation = "mutation($n: String!) { createAccount(input: {name: $n, number: $n}) { account { number } } }"
    body = {"query": mutation, "variables": {"n": "A\ufffdB"}}
    made = await world.client.post("/graphql", json=body, headers={"Authorization": f"Bearer {world.graph}"})
    assert made.json()["data"]["createAccount"]["account"] == {"number": "A\ufffdB"}
    reference = "/api/v1.0/customers/reference/"
    found = await world.client.get(f"{reference}A%EF%BF%BDB", headers=valomnia.cookie)
    assert (found.status_code, found.json()["reference"]) == (200, "A\ufffdB")
    unknown = await world.client.get(f"{reference}AxB", headers=valomnia.cookie)
    assert unknown.status_code == 404
    for broken in ("A%C3B", "A%FFB", "A%EF%BFB", "A%1AB"):
        answer = await world.client.get(reference + broken, headers=valomnia.cookie)
        assert answer.status_code == 404, answer.text
        assert set(answer.json()) == set(unknown.json())


@pytest.mark.parametrize("given", ["a=1&b", "&&a=b=c&", "=x&=", "a;b=1", "a=%31&b", "a=1+2", "%3D=%26", "a=\x00\x7f"])
def test_a_query_reads_the_same_whether_or_not_anything_in_it_is_escaped(given: str) -> None:
    assert urlencoded(given.encode()) == parse_qsl(given, keep_blank_values=True)
