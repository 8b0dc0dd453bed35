"""Whatever is sent, the answer is one of the dialect's own and never a fault."""

import random
from typing import Any

from tests.dialects.valomnia.conftest import MARIE, Program

WORDS = [
    "",
    "5",
    "3229",
    "x",
    "\x00",
    "9" * 19,
    "-1",
    "1e9",
    "true",
    "🦄",
    "a" * 2000,
    "2020-01-01T00:00:00Z",
    "%",
    "'",
]
WORDS += ["\\", "C0959", "a@b.co", "FR", "0001-01-01", "9999-12-31T23:59:59-14:00", "\t", "\r\n", "٣"]
NAMES = ["firstName", "lastName", "customerId", "email", "country", "city", "phone", "address", "useExternalId", "max"]
NAMES += ["offset", "sort", "order", "customerReference", "dateCreated_gt", "lastUpdated_lte", "imageFile", "id", ""]
PATHS = ["/contacts", "/contacts/5", "/contacts/", "/contacts/%00", "/contacts/%ff", "/contacts/..", "/contacts/6"]
PATHS += ["/customers/3229", "/customers/reference/%ff%fe", "/customers/reference/a/b", "/customers/reference/%00"]
TYPES = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data; charset=foo"]
TYPES += ["multipart/form-data; boundary=x; charset=foo", 'multipart/form-data; boundary=""', "application/json", "; ;"]
TYPES += ["text/\xe9", "multipart/form-data; boundary=" + "y" * 300]
PART = b"--x\r\nContent-Disposition: form-data; %s\r\n\r\n\xff\xfe\r\n--x--\r\n"
BODIES = [PART % b"name=firstName", PART % b"name=imageFile; filename*=utf-8''%%ff", b"--x", b"", b'{"a":' * 2000]
BODIES += [b"firstName=%ED%A0%80&lastName=%00&customerId=%FF", b"\x00\xff" * 100]
JSON: list[Any] = [[{}], None, 5, {"firstName": [1]}, {"customerId": 2**70, "firstName": 1, "lastName": True}]


def garbage(chance: random.Random) -> dict[str, Any]:
    given = {chance.choice(NAMES): chance.choice(WORDS) for _ in range(chance.randint(0, 6))}
    match chance.randint(0, 4):
        case 0:
            return {"params": given}
        case 1:
            return {"data": MARIE | given}
        case 2:
            name = chance.choice(["a.png", "", "\x00", "../x", "é🦄"])
            return {"data": MARIE | given, "files": {"imageFile": (name, chance.randbytes(chance.choice([0, 99])))}}
        case 3:
            return {"json": chance.choice([given, *JSON])}
    return {"content": chance.choice(BODIES), "headers": {"Content-Type": chance.choice(TYPES).encode("latin-1")}}


async def test_garbage_is_refused_in_the_dialects_words(program: Program) -> None:
    chance = random.Random(1)
    for _ in range(400):
        method, path, given = chance.choice(["GET", "POST", "POST", "PUT"]), chance.choice(PATHS), garbage(chance)
        answer = await program.send(method, path, **given)
        told = (method, path, given, answer.status_code, answer.text)
        assert answer.status_code < 500, told
        assert answer.headers["content-type"] == "application/json;charset=UTF-8", told
        if answer.status_code >= 400:
            assert list(answer.json()) == ["error", "error_description"], told
