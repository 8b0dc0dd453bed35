"""Profile photos: where they are, how they come and go, and the servlet that serves them."""

import io
from typing import Any

from PIL import Image

from tests.dialects.crmcom.conftest import ELLEN, KOZIORS, PREFIX, Program, answer_of, code, done, refused

VIEW = "contact_information/profile_photo/view"
ADD = PREFIX + "contact_information/profile_photo/add"
REMOVE = "contact_information/profile_photo/remove"
IMAGES = "/crm/ImageDownloadServlet"
IDENTIFIER = "contact_information_identifier"
VIEWED = "217F456047A749728A263BEC2A472003"
ADDED = "18686813304341ECAFC8175A85594C9B"
NOT_FOUND = code("CONTACTINFORMATION", "NOTFOUND")
NO_IMAGE = code("CONTACTINFORMATION", "UNSUPPORTEDIMAGE")


def picture(kind: str = "PNG", mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (30, 20), "red").save(stream, kind)
    return stream.getvalue()


async def add(program: Program, record: str, *file: Any, **more: str) -> dict[str, Any]:
    form = {"token": program.token, IDENTIFIER: f"id={record}", **more}
    return answer_of(await program.client.post(ADD, data=form, files={"file": file} if file else None))


async def test_a_photo_is_added_seen_and_removed(program: Program) -> None:
    for record in (ADDED, KOZIORS):
        told = done(await add(program, record, "my portrait.png", picture(), "image/png"))
        assert told == {
            "file_name": f"{record}_my_portrait.jpg",
            "file_content_url": f"{IMAGES}?id={record}",
            "file_mime_type": "image/jpeg",
        }
        assert done(await program.get(VIEW, **{IDENTIFIER: f"id={record}"})) == told
        image = await program.client.get(f"{told['file_content_url']}&token={program.token}")
        assert (image.status_code, image.headers["content-type"]) == (200, "image/jpeg")
        assert image.headers["cache-control"] == "no-store"
        assert image.headers["content-disposition"] == "inline"
        assert Image.open(io.BytesIO(image.content)).size == (30, 20)
        # The same photo again changes nothing.
        changes = await program.changes()
        assert done(await add(program, record, "my portrait.png", picture(), "image/png")) == told
        assert await program.changes() == changes

        assert done(await program.post(REMOVE, **{IDENTIFIER: {"id": record}})) is None
        gone = (NOT_FOUND, "profile_photo: not found")
        assert refused(await program.get(VIEW, **{IDENTIFIER: f"id={record}"})) == gone
        image = await program.client.get(f"{told['file_content_url']}&token={program.token}")
        assert refused(answer_of(image)) == gone
        # What is not there is not missed.
        changes = await program.changes()
        assert done(await program.post(REMOVE, **{IDENTIFIER: {"id": record}})) is None
        assert await program.changes() == changes


async def test_a_photo_of_a_record_made_here_is_found_by_our_id(program: Program) -> None:
    made = await program.create(type="PERSON", first_name="A", last_name="B")
    told = done(
        await add(program, made["id"], "x.png", picture(mode="RGBA"), "image/png", fields_set="file_content_url")
    )
    assert told == {"file_content_url": f"{IMAGES}?id={made['id']}"}
    assert (await program.client.get(f"{told['file_content_url']}&token={program.token}")).status_code == 200


async def test_the_documented_upload_is_read_and_its_empty_file_refused(program: Program) -> None:
    body = (
        '-----011000010111000001101001\r\nContent-Disposition: form-data; name="file"; filename="[object Object]"\r\n'
        "Content-Type: false\r\n\r\n\r\n-----011000010111000001101001\r\nContent-Disposition: form-data; "
        'name="contact_information_identifier"\r\n\r\nid=18686813304341ECAFC8175A85594C9B\r\n'
        '-----011000010111000001101001\r\nContent-Disposition: form-data; name="token"\r\n\r\n'
        f"{program.token}\r\n-----011000010111000001101001--"
    )
    headers = {"content-type": "multipart/form-data; boundary=---011000010111000001101001"}
    response = await program.client.post(ADD, content=body, headers=headers)
    assert refused(answer_of(response)) == (NO_IMAGE, "file: it is no image that can be read")


async def test_what_is_no_photo_is_refused_and_nothing_is_written(program: Program) -> None:
    changes = await program.changes()
    missing, invalid = (
        code("CONTACTINFORMATION", "MANDATORYFIELDMISSING"),
        code("CONTACTINFORMATION", "INVALIDFIELDVALUE"),
    )
    assert refused(await add(program, ELLEN)) == (missing, "file: mandatory")
    assert refused(await add(program, ELLEN, file="text")) == (invalid, "file: it is of another type")
    for data in (b"<svg/>", b"\x89PNG\r\n\x1a\n", picture()[:40]):
        assert refused(await add(program, ELLEN, "x.png", data)) == (NO_IMAGE, "file: it is no image that can be read")
    large = await add(program, ELLEN, "x.png", b"x" * (program.running.core.max_photo_bytes + 1))
    assert refused(large) == (
        code("WEBAPI", "REQUESTTOOLARGE"),
        f"file: more than {program.running.core.max_photo_bytes} bytes",
    )
    larger = await add(program, ELLEN, "x.png", b"x" * (program.running.core.max_photo_bytes + 100_000))
    assert larger["status"]["code"] == code("WEBAPI", "REQUESTTOOLARGE")
    nobody = await add(program, "F" * 32, "x.png", picture())
    assert refused(nobody) == (NOT_FOUND, f"{IDENTIFIER}: not found")
    assert await program.changes() == changes


async def test_the_servlet_asks_for_a_token_and_an_id(program: Program) -> None:
    async def ask(**parameters: str) -> tuple[str, str]:
        return refused(answer_of(await program.client.get(IMAGES, params=parameters)))

    bad = code("SECURITY", "INVALIDTOKEN")
    assert await ask(id=VIEWED) == (bad, "The token is mandatory")
    assert await ask(id=VIEWED, token="0" * 32) == (bad, "The token is not valid")
    token = program.token
    assert await ask(token=token) == (code("CONTACTINFORMATION", "MANDATORYFIELDMISSING"), "id: mandatory")
    assert await ask(token=token, id="../../etc/passwd") == (NOT_FOUND, f"{IDENTIFIER}: not found")
    assert await ask(token=token, id=ELLEN) == (NOT_FOUND, "profile_photo: not found")
    assert (await program.client.get(IMAGES, params={"id": VIEWED, "token": token})).content[:2] == b"\xff\xd8"
    posted = answer_of(await program.client.post(IMAGES, params={"id": VIEWED, "token": token}))
    assert refused(posted) == (code("WEBAPI", "HTTPMETHODNOTALLOWED"), "The method is called by GET")
    below = answer_of(await program.client.get(IMAGES + "/x", params={"id": VIEWED, "token": token}))
    assert refused(below) == (code("WEBAPI", "METHODNOTFOUND"), "There is no such method")
