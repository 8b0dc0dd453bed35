"""How much a body may hold at every legacy door: as much is read, one more is refused in the door's own words."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from crmgraph.crm.models import Door
from crmgraph.http.multipart import MAX_FIELDS
from crmgraph.http.reading import MAX_VALUES
from tests.agreement.world import PORTAL
from tests.database.doors import Doors, doors

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def there(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Doors]:
    """An application with somebody at every door; the databases have no say in what is read."""
    shutil.copy(sqlite_template, tmp_path / "test.db")
    async with doors(f"sqlite:///{tmp_path / 'test.db'}", tmp_path) as there:
        yield there


def text_of(data: Any, size: int) -> bytes:
    """The JSON of an object that holds `size` values in all, by a list of as many numbers as are missing."""
    given = {**data, "extra": []}
    text = orjson.dumps(given)
    missing = size - 1 - sum(map(text.count, (b",", b"{", b"[")))
    return text.replace(b'"extra":[]', b'"extra":[' + b",".join([b"1"] * (missing + 1)) + b"]")


def form_of(data: dict[str, str], size: int) -> bytes:
    """The urlencoded form of so many fields in all."""
    return str(httpx.QueryParams(data | {f"extra{i}": "1" for i in range(size - len(data))})).encode()


async def sent(there: Doors, case: str, size: int) -> httpx.Response:
    tokens, client = there.world.tokens, there.running.client
    match case:
        case "covalense":
            body = text_of({"LastName": "Late"}, size)
            headers = PORTAL | {"token": there.customer} | JSON
            return await client.put("/crm/v1/profile/contact", content=body, headers=headers)
        case "zoho":
            body = text_of({"data": [{"Last_Name": "Late"}]}, size)
            headers = {"Authorization": f"Zoho-oauthtoken {tokens[Door.ZOHO]}"} | JSON
            return await client.post("/crm/v2/Contacts", content=body, headers=headers)
        case "zoho oauth":
            body = form_of({"grant_type": "refresh_token", "client_id": "none"}, size)
            return await client.post("/oauth/v2/token", content=body, headers=FORM)
        case "crmcom":
            person = {"type": "PERSON", "first_name": "A", "last_name": "Late", "token": tokens[Door.CRMCOM]}
            return await client.post(
                "/crmapi/rest/v2/contact_information/create", content=text_of(person, size), headers=JSON
            )
        case "crmcom form":
            person = {"type": "PERSON", "first_name": "A", "last_name": "Late", "token": tokens[Door.CRMCOM]}
            return await client.post(
                "/crmapi/rest/v2/contact_information/create", content=form_of(person, size), headers=FORM
            )
        case "valomnia":
            body = form_of({"firstName": "A", "lastName": "Late", "customerId": str(there.account)}, size)
            headers = {"Cookie": f"JSESSIONID={tokens[Door.VALOMNIA]}"} | FORM
            return await client.post("/api/v1.0/contacts", content=body, headers=headers)
    raise AssertionError(case)


TOO_MANY = {
    "covalense": (MAX_VALUES, "Request body is not readable as JSON.", '"success":"true"'),
    "zoho": (MAX_VALUES, '"code":"INVALID_DATA","details":{"expected_data_type":"jsonobject"}', '"code":"SUCCESS"'),
    "crmcom": (MAX_VALUES, "MALFORMEDREQUESTEXCEPTION", '"code":"OK"'),
    "zoho oauth": (MAX_FIELDS, '{"error":"invalid_request"}', '{"error":"invalid_client"}'),
    "crmcom form": (MAX_FIELDS, "MALFORMEDREQUESTEXCEPTION", '"code":"OK"'),
    "valomnia": (MAX_FIELDS, '"error":"malformed_request"', '"lastName":"Late"'),
}
"""By door: the most that is read, what stands in the refusal of one more, and in the answer to as much."""


@pytest.mark.parametrize("case", TOO_MANY)
async def test_a_body_is_read_up_to_its_bound_and_one_more_is_refused(there: Doors, case: str) -> None:
    most, refused, read = TOO_MANY[case]
    assert refused in (await sent(there, case, most + 1)).text
    assert read in (await sent(there, case, most)).text
