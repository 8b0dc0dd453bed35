"""The customer's picture, in every form in which portals send one."""

import base64
import io
import itertools
from typing import Any
from urllib.parse import unquote

from PIL import Image
from sqlalchemy import delete, select

from crmgraph.crm.models import Change, Contact, Photo
from tests.conftest import Running
from tests.dialects.covalense.conftest import HEADERS, RAVI, VENKATESH, YOGESH, Portal, bad_request, result


def _image(form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (9, 6), (200, 30, 30)).save(stream, form)
    return stream.getvalue()


PICTURE = base64.b64encode(_image()).decode()


async def _shown(portal: Portal, token: str) -> str:
    """The address of the picture."""
    shown: str = result(await portal.send("GET", "profile/contact", token=token))["profileImage"]
    return shown


TEXTS = [
    PICTURE,
    PICTURE.rstrip("="),
    "\r\n".join(PICTURE[i : i + 76] for i in range(0, len(PICTURE), 76)),
    base64.urlsafe_b64encode(_image()).decode(),
    f"data:image/png;base64,{PICTURE}",
    f"DATA:text/html;charset=x;BASE64,{PICTURE.replace('+', '%2B')}",
    "data:image/gif," + "".join(f"%{byte:02x}" for byte in _image("GIF")),
    base64.b64encode(_image("JPEG")).decode(),
]


async def test_a_picture_in_text_becomes_the_contacts_photo(demo: Running, portal: Portal) -> None:
    token = await portal.login(VENKATESH)
    assert await _shown(portal, token) == ""
    names = itertools.cycle(["ProfileImage", "profileImage", "profile_image"])
    for name, value in zip(names, TEXTS, strict=False):
        answer = result(await portal.send("PUT", "profile/image", {name: value}, token=token))
        assert (answer["label"], answer["id"], len(answer)) == ("Venkatesh", "12x82079", 56)
        served = await portal.client.get(await _shown(portal, token))
        assert (served.status_code, served.headers["content-type"]) == (200, "image/jpeg")
        assert Image.open(io.BytesIO(served.content)).size == (9, 6)
        shown = await _shown(portal, token)
        async with demo.db.begin() as session:
            await session.execute(delete(Photo).where(Photo.key == shown.split("/")[4]))


async def test_a_file_of_a_form_becomes_the_photo_and_keeps_its_name(demo: Running, portal: Portal) -> None:
    token = await portal.login(VENKATESH)
    for field in ("ProfileImage", "profileImage", "file"):
        sent = await portal.client.put(
            "/crm/v1/profile/image",
            headers={**HEADERS, "token": token},
            data={"source": "Selfcare"},
            files={field: (f"Me at {field}.png", _image(), "text/plain")},
        )
        assert result(sent)["id"] == "12x82079"
        assert (await _shown(portal, token)).endswith(f"/original/Me_at_{field}.jpg")


async def test_the_bytes_themselves_are_taken_too(portal: Portal) -> None:
    token = await portal.login(VENKATESH)
    headers = {**HEADERS, "token": token, "Content-Type": "image/png"}
    assert result(await portal.client.put("/crm/v1/profile/image", headers=headers, content=_image()))
    assert (await portal.client.get(await _shown(portal, token))).status_code == 200


async def test_the_name_of_the_stored_picture_keeps_it(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    before, address = await _state(demo), await _shown(portal, token)
    for name in ("96248_Screenshot_(1).png", address, unquote(address), address.removeprefix("http://test")):
        answer = result(await portal.send("PUT", "profile/image", {"ProfileImage": name}, token=token))
        assert answer["modifiedtime"] == "2020-04-15 16:12:16"
    assert await _state(demo) == before


async def test_a_new_picture_takes_the_place_of_the_old_whose_address_dies(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    old = await _shown(portal, token)
    result(await portal.send("PUT", "profile/image", {"ProfileImage": PICTURE}, token=token))
    new = await _shown(portal, token)
    assert new != old
    assert ((await portal.client.get(old)).status_code, (await portal.client.get(new)).status_code) == (404, 200)
    again = result(await portal.send("PUT", "profile/image", {"ProfileImage": PICTURE}, token=token))
    assert await _shown(portal, token) == new
    assert again["modifiedtime"] == result(await portal.send("GET", "profile/contact", token=token))["modifiedtime"]


NEITHER = "Attribute 'ProfileImage' is not valid: it is neither an image nor the name of the stored one."
NO_IMAGE = "Attribute 'ProfileImage' is not valid: it is no image that can be read."
ABSENT = "Attribute 'ProfileImage' not found in request."


REFUSED = [
    ({}, ABSENT),
    ({"ProfileImage": ""}, ABSENT),
    ({"ProfileImage": None}, ABSENT),
    ({"ProfileImage": "image.jpg"}, NEITHER),
    ({"ProfileImage": "96140_download.png"}, NEITHER),
    ({"ProfileImage": "http://169.254.169.254/latest/meta-data"}, NEITHER),
    ({"ProfileImage": "../../etc/passwd"}, NEITHER),
    ({"ProfileImage": "data:image/png;base64"}, NEITHER),
    ({"ProfileImage": "data:image/png;base64,!!!"}, NEITHER),
    ({"ProfileImage": "string"}, NO_IMAGE),
    ({"ProfileImage": PICTURE[:40]}, NO_IMAGE),
    ({"ProfileImage": base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()}, NO_IMAGE),
    ({"ProfileImage": "data:text/html,<script>"}, NO_IMAGE),
    ({"ProfileImage": {"a": 1}}, "Attribute 'ProfileImage' is not valid: it has to be text."),
]


async def test_anything_else_is_refused_and_changes_nothing(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    before = await _state(demo)
    for body, message in REFUSED:
        answer = await portal.send("PUT", "profile/image", body, token=token)
        assert (answer.status_code, answer.text) == (400, bad_request(message))
        assert await _state(demo) == before


BROKEN_FORMS = [
    ("multipart/form-data", b"x", "Request body is not readable as a form."),
    ("multipart/form-data; boundary=b", b"--b\r\n\r\nx", "Request body is not readable as a form."),
    ("multipart/form-data; boundary=b", b"", ABSENT),
    ("image/png", b"no image", NO_IMAGE),
    ("application/json", b"{", "Request body is not readable as JSON."),
]


async def test_a_broken_form_is_refused(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    before = await _state(demo)
    for kind, content, message in BROKEN_FORMS:
        headers = {**HEADERS, "token": token, "Content-Type": kind}
        answer = await portal.client.put("/crm/v1/profile/image", headers=headers, content=content)
        assert (answer.status_code, answer.text) == (400, bad_request(message))
        assert await _state(demo) == before


async def test_a_picture_that_is_too_long_is_refused(demo: Running, portal: Portal) -> None:
    token = await portal.login(RAVI)
    limit = demo.core.max_photo_bytes
    body = {"ProfileImage": base64.b64encode(b"\x89PNG" + bytes(limit)).decode()}
    answer = await portal.send("PUT", "profile/image", body, token=token)
    message = f"Attribute 'ProfileImage' is not valid: it has more than {limit} bytes."
    assert (answer.status_code, answer.text) == (400, bad_request(message))
    body = {"ProfileImage": "A" * (limit * 2)}
    answer = await portal.send("PUT", "profile/image", body, token=token)
    message = f"The request is larger than {limit * 4 // 3 + 65536} bytes."
    assert (answer.status_code, answer.text) == (400, bad_request(message))


async def _state(demo: Running) -> Any:
    """The photos, and the revision of the contact with its log."""
    async with demo.db.read() as session:
        photos = (await session.execute(select(Photo.party_id, Photo.key, Photo.file_name).order_by(Photo.key))).all()
        record = (await session.scalars(select(Contact).where(Contact.number == "CON19195"))).one()
        changes = (await session.scalars(select(Change.id).where(Change.party_id == record.id))).all()
    return photos, record.revision, changes
