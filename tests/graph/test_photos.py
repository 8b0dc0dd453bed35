"""Photos of records, through multipart requests."""

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image
from structlog.testing import capture_logs

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.graph.conftest import Caller, Customer, put

PHOTO = "{ photo { url fileName contentType width height sizeBytes } revision }"
UPLOAD = (
    "mutation($i: UploadPhotoInput!) { uploadPhoto(input: $i) {"
    f" contact {PHOTO} account {PHOTO} lead {PHOTO} userErrors {{ code path }} }} }}"
)
REMOVE = UPLOAD.replace("uploadPhoto", "removePhoto").replace("UploadPhotoInput", "RemovePhotoInput")


def picture(color: str = "teal") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (300, 200), color).save(stream, "JPEG")
    return stream.getvalue()


async def upload(caller: Caller, data: bytes, name: str = "me.jpeg", **target: Any) -> Any:
    operations = {"query": UPLOAD, "variables": {"i": {"photo": None} | target}}
    response = await caller.client.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": '{"f": ["variables.i.photo"]}'},
        files={"f": (name, data, "application/octet-stream")},
        headers=caller.headers | {"apollo-require-preflight": "true"},
    )
    assert "errors" not in response.json(), response.text
    return response.json()["data"]["uploadPhoto"]


async def test_staff_give_every_kind_of_record_a_photo(agent: Caller, core: Core) -> None:
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "C"})
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "A"})
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "L"})
    for name, number in (("contact", f"con_{contact}"), ("account", f"acc_{account}"), ("lead", f"lea_{lead}")):
        payload = await upload(agent, picture(), **{name: {"id": number}})
        assert payload.pop("userErrors") == []
        record = payload.pop(name)
        assert payload == dict.fromkeys({"contact", "account", "lead"} - {name})
        assert record["revision"] == 2
        photo = record["photo"]
        assert (photo["fileName"], photo["contentType"]) == ("me.jpg", "image/jpeg")
        assert (photo["width"], photo["height"]) == (300, 200)
        served = await agent.client.get(photo["url"])
        assert len(served.content) == photo["sizeBytes"]
        again = (await agent(f"query($n: ID!) {{ node(id: $n) {{ ... on {name.title()} {PHOTO} }} }}", n=number))[
            "node"
        ]
        assert again == record


async def test_a_photo_that_is_replaced_or_removed_is_dead(customer: Customer) -> None:
    first = (await upload(customer, picture()))["contact"]["photo"]["url"]
    same = (await upload(customer, picture()))["contact"]
    assert (same["photo"]["url"], same["revision"]) == (first, 2)
    second = (await upload(customer, picture("red")))["contact"]
    assert second["revision"] == 3
    assert (await customer.client.get(first)).status_code == 404
    assert (await customer.client.get(second["photo"]["url"])).status_code == 200
    assert (await customer(REMOVE, i={}))["removePhoto"]["contact"] == {"photo": None, "revision": 4}
    assert (await customer.client.get(second["photo"]["url"])).status_code == 404
    assert (await customer(REMOVE, i={}))["removePhoto"]["contact"] == {"photo": None, "revision": 4}


async def test_a_photo_is_kept_by_a_browser_for_a_day_and_by_nobody_else(customer: Customer) -> None:
    url = (await upload(customer, picture()))["contact"]["photo"]["url"]
    served = await customer.client.get(url)
    assert served.headers["cache-control"] == "private, max-age=86400, immutable"
    etag = served.headers["etag"]
    again = await customer.client.get(url, headers={"if-none-match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    small = await customer.client.get(url.replace("/original/", "/small/"), headers={"if-none-match": etag})
    assert (small.status_code, small.headers["etag"] == etag) == (200, False)
    await customer(REMOVE, i={})
    assert (await customer.client.get(url, headers={"if-none-match": etag})).status_code == 404


async def test_a_photo_is_set_by_those_who_may_change_the_record(
    nobody: Caller, customer: Customer, agent: Caller, core: Core
) -> None:
    (other,) = await put(core, PartyKind.CONTACT, {"last_name": "Other"})
    nothing = dict.fromkeys(("contact", "account", "lead"))
    target = {"contact": {"id": f"con_{other}"}}
    missing = nothing | {"userErrors": [{"code": "NOT_FOUND", "path": ["input", "contact"]}]}
    assert await upload(customer, picture(), **target) == missing
    assert (await customer(REMOVE, i=target))["removePhoto"] == missing
    assert await upload(agent, picture()) == nothing | {
        "userErrors": [{"code": "REQUIRED", "path": ["input", "contact"]}]
    }
    both = target | {"account": {"id": customer.account}}
    assert await upload(agent, picture(), **both) == nothing | {
        "userErrors": [{"code": "CHOOSE_ONE", "path": ["input", "account"]}]
    }
    assert await nobody.errors(REMOVE, i=target) == [("UNAUTHENTICATED", "Sign in first.")]
    query = "query($r: ContactRef!) { contact(by: $r) { revision photo { url } } }"
    assert (await agent(query, r=target["contact"]))["contact"] == {"revision": 1, "photo": None}


async def test_a_folder_that_takes_no_photo_is_told_and_logged_once_with_its_cause(
    customer: Customer, tmp_path: Path
) -> None:
    first = (await upload(customer, picture()))["contact"]["photo"]["url"]
    (tmp_path / "photos").rename(tmp_path / "away")
    (tmp_path / "photos").write_text("a file where the folder was")
    with capture_logs() as logs:
        payload = await upload(customer, picture("red"))
    assert payload["userErrors"] == [{"code": "UNAVAILABLE", "path": ["input", "photo"]}]
    (line,) = [line for line in logs if line["log_level"] == "warning" and "removed" not in line["event"]]
    assert line["event"] == "the photo store does not answer"
    assert "Not a directory" in line["reason"]
    assert (await customer.client.get(first)).status_code == 503
    (tmp_path / "photos").unlink()
    (tmp_path / "away").rename(tmp_path / "photos")
    assert (await customer.client.get(first)).status_code == 200
    assert (await upload(customer, picture("red")))["contact"]["revision"] == 3


async def test_a_deleted_record_shows_no_photo(agent: Caller, core: Core) -> None:
    """No address serves it any more, so a list of deleted records would show broken images."""
    (gone, kept) = await put(core, PartyKind.CONTACT, {"last_name": "Gone"}, {"last_name": "Kept"})
    for contact in (gone, kept):
        assert (await upload(agent, picture(), contact={"id": f"con_{contact}"}))["userErrors"] == []
    read = """$a: ID!, $b: ID!) { gone: node(id: $a, deleted: true) { ... on Contact { lastName photo { url } } }
      kept: node(id: $b) { ... on Contact { lastName photo { url } } }
      contacts(filter: {deleted: true}) { nodes { lastName photo { url } } }"""
    asked = {"a": f"con_{gone}", "b": f"con_{kept}"}
    url = (await agent(f"query({read} }}", **asked))["gone"]["photo"]["url"]
    delete = "mutation($i: DeleteContactInput!) { deleteContact(input: $i) { deletedId } }"
    assert (await agent(delete, i={"contact": {"id": f"con_{gone}"}}))["deleteContact"] == {"deletedId": f"con_{gone}"}
    assert (await agent.client.get(url)).status_code == 404
    # `choices` is answered by the resolvers alone, and takes the rest along.
    for executed in (read, read + ' choices(of: CONTACT, field: "category") { value }'):
        found = await agent(f"query({executed} }}", **asked)
        assert found["gone"] == {"lastName": "Gone", "photo": None}
        assert found["contacts"] == {"nodes": [{"lastName": "Gone", "photo": None}]}
        assert found["kept"]["photo"]["url"] != url
