"""Photos at Valomnia's door: what is taken, where it is found, and that a refused one changes nothing."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from crmgraph.crm.models import Change, Contact, Photo
from crmgraph.crm.records.record_photos import REMOVE_PHOTO
from tests.dialects.valomnia.conftest import MARIE, NO_PHOTO, SERVER_ERROR, Program, error, told

FORMATS = ("PNG", "JPEG", "GIF", "BMP")
UNSUPPORTED = error(400, "unsupported_file_type", "image format not supported.")
TOO_LARGE = error(400, "exceeded_file_size", "image size should not exceed 2Mo")


def image(form: str = "PNG", colour: str = "red", size: tuple[int, int] = (600, 300)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, form)
    return out.getvalue()


def sending(data: bytes, name: str = "me.png", kind: str = "image/png") -> dict[str, Any]:
    return {"data": MARIE, "files": {"imageFile": (name, data, kind)}}


async def stored(program: Program, tmp_path: Path) -> set[str]:
    # What is to go goes in the background.
    await program.running.core.record_photos.store.close()
    async with asyncio.timeout(10):
        while REMOVE_PHOTO in await program.running.core.jobs.backlog():
            await asyncio.sleep(0.02)
    folder = tmp_path / "photos"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def revision(program: Program) -> tuple[int, int]:
    """Marie's revision, and how many rows the change log has."""
    async with program.running.db.read() as session:
        found = await session.scalar(select(Contact.revision).where(Contact.last_name == "Schrader"))
    return found or 0, await program.changes()


@pytest.mark.parametrize("form", FORMATS)
async def test_an_image_is_taken_and_found_in_three_sizes_at_the_address_that_is_answered(
    form: str, program: Program, tmp_path: Path
) -> None:
    before, kept = await program.show(), await stored(program, tmp_path)
    answer = await program.post("/contacts/5", **sending(image(form), f"me.{form.lower()}", "text/plain"))
    after = answer.json()
    assert answer.status_code == 200
    assert after == before | {"photo": after["photo"], "lastUpdated": after["lastUpdated"]}
    assert await program.show() == after
    folder, _, name = after["photo"].rpartition("/")
    assert folder.startswith("http://test/entity1-") and folder.endswith("/photoContact")
    assert name.endswith("_5_marie_schrader.jpg")
    program.client.cookies.clear()  # whoever knows the address sees the photo
    for prefix, size in (("", (600, 300)), ("medium_", (400, 200)), ("small_", (120, 60))):
        shown = await program.client.get(f"{folder}/{prefix}{name}")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
        assert Image.open(BytesIO(shown.content)).size == size
        assert shown.headers["x-content-type-options"] == "nosniff"
    assert told(await program.client.get(before["photo"])) == NO_PHOTO
    assert len(await stored(program, tmp_path)) == len(kept)


async def test_fields_and_image_are_one_change_of_the_record(program: Program) -> None:
    revised, changes = await revision(program)
    await program.post("/contacts/5", **(sending(image()) | {"data": {**MARIE, "city": "X"}}))
    assert await revision(program) == (revised + 1, changes + 2)
    async with program.running.db.read() as session:
        logged = list(await session.scalars(select(Change).order_by(Change.id.desc()).limit(2)))
    assert {(each.revision, each.door.value) for each in logged} == {(revised + 1, "VALOMNIA")}
    assert logged[0].fields[0]["field"] == "photo"


async def test_the_image_that_is_there_already_changes_nothing(program: Program, tmp_path: Path) -> None:
    first = await program.post("/contacts/5", **sending(image()))
    revised, kept = await revision(program), await stored(program, tmp_path)
    again = await program.post("/contacts/5", **sending(image()))
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await revision(program), await stored(program, tmp_path)) == (revised, kept)


async def test_a_contact_is_made_with_its_image(program: Program) -> None:
    answer = await program.post(
        "/contacts", data={**MARIE, "firstName": "Zoë & Ü", "lastName": "李"}, files=sending(image())["files"]
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body["photo"].rpartition("_")[2] == "zoe-u.jpg"
    assert await program.show(body["id"]) == body
    assert (await program.client.get(body["photo"])).status_code == 200
    await program.send("DELETE", f"/contacts/{body['id']}")
    assert told(await program.client.get(body["photo"])) == NO_PHOTO


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (image("WEBP"), UNSUPPORTED),
        (b"<svg/>", UNSUPPORTED),
        (b"", UNSUPPORTED),
        (image()[:-40], UNSUPPORTED),
        (image() + bytes(2 * 1024 * 1024), TOO_LARGE),
        (bytes(5 * 1024 * 1024), TOO_LARGE),
        (image("PNG", "red", (16_385, 1)), TOO_LARGE),
    ],
    ids=["webp", "svg", "empty", "damaged", "large", "very large", "wide"],
)
async def test_a_refused_image_changes_nothing_of_the_record(
    data: bytes, wanted: Any, program: Program, tmp_path: Path
) -> None:
    before, revised, kept = await program.show(), await revision(program), await stored(program, tmp_path)
    for path in ("/contacts/5", "/contacts"):
        answer = await program.post(path, **(sending(data) | {"data": {**MARIE, "city": "X"}}))
        assert told(answer) == wanted
    assert (await program.show(), await revision(program), await stored(program, tmp_path)) == (before, revised, kept)


async def test_a_refused_record_leaves_no_image_behind(program: Program, tmp_path: Path) -> None:
    before, revised, kept = await program.show(), await revision(program), await stored(program, tmp_path)
    for path, operation in (("/contacts/5", "update"), ("/contacts", "create")):
        answer = await program.post(path, **(sending(image()) | {"data": {**MARIE, "email": "no"}}))
        wanted = error(400, "email_validation_error", f"Failed to {operation} the contact : incorrect Email format")
        assert told(answer) == wanted
    gone = await program.post("/contacts/6", **sending(image()))
    assert told(gone) == error(404, "not_found", "The contact with the id 6 doesn't exist.")
    assert (await program.show(), await revision(program), await stored(program, tmp_path)) == (before, revised, kept)


async def test_an_image_of_two_megabytes_is_taken(program: Program) -> None:
    data = image("BMP", "blue", (836, 836))  # 54 bytes and three a pixel, and then what a BMP ignores
    assert len(data) < 2 * 1024 * 1024
    padded = data + bytes(2 * 1024 * 1024 - len(data))
    assert (await program.post("/contacts/5", **sending(padded))).status_code == 200
    assert told(await program.post("/contacts/5", **sending(padded + b"\0"))) == TOO_LARGE


async def test_a_file_field_that_nobody_filled_keeps_the_photo(program: Program) -> None:
    before = await program.show()
    for files in ({"imageFile": ("", b"", "application/octet-stream")}, {"imageFile": (None, "")}):
        content = {name: (None, value) for name, value in MARIE.items()} | files
        answer = await program.post("/contacts/5", files=content)
        assert (answer.status_code, answer.json()) == (200, before)
    text = await program.post("/contacts/5", files={**content, "imageFile": (None, "me.png")})
    assert told(text) == UNSUPPORTED


async def test_an_address_has_digits_where_the_vendor_has_and_old_ones_are_still_good(program: Program) -> None:
    photo = (await program.show())["photo"]
    folder, _, name = photo.removeprefix("http://test").rpartition("/")
    digits = folder.removesuffix("/photoContact").removeprefix("/entity1-")
    assert digits.isdecimal() and len(digits) == 58
    async with program.running.db.read() as session:
        keys = [key.partition(".")[0] for key in await session.scalars(select(Photo.key))]
    pictures = [await program.client.get(f"/entity1-{key}/photoContact/{name}") for key in keys]
    shown = await program.client.get(photo)
    assert shown.status_code == 200 and shown.content in [each.content for each in pictures]
    for wrong in ("9" * 58, "0" * 58, digits[:-1] + str((int(digits[-1]) + 1) % 10), digits[1:], f"{digits}0"):
        assert told(await program.client.get(f"/entity1-{wrong}/photoContact/{name}")) == NO_PHOTO


async def test_addresses_that_nobody_was_told_have_no_photo(program: Program) -> None:
    photo = (await program.show())["photo"]
    folder, _, name = photo.removeprefix("http://test").rpartition("/")
    key = folder.removesuffix("/photoContact").partition("-")[2]
    for path in (
        f"{folder}/{name[:-4]}.jpg",
        f"{folder}/{name}.exe",
        f"{folder}/png",
        f"/entity1-{key[:-1]}/photoContact/{name}",
        f"/entity1-{key[:-1]}A/photoContact/{name}" if key[-1] != "A" else f"/entity1-{key[:-1]}B/photoContact/{name}",
        f"/{key}/photoContact/{name}",
        f"/entity1-1450169988465/photoContact/{name}",
        f"/entity1-..%2F..%2F/photoContact/{name}",
    ):
        answer = await program.client.get(path)
        assert told(answer)[0] == 404, path
        assert answer.headers["content-type"] != "image/png"


async def test_a_store_that_is_away_is_their_server_error_and_nothing_is_written(
    program: Program, tmp_path: Path
) -> None:
    revised = await revision(program)
    (tmp_path / "photos").rename(tmp_path / "away")
    (tmp_path / "photos").write_text("a file where the folder was")
    for path in ("/contacts/5", "/contacts"):
        answer = await program.post(path, **(sending(image()) | {"data": {**MARIE, "city": "X"}}))
        assert told(answer) == SERVER_ERROR
    assert await revision(program) == revised
