"""The photo pipeline on real files, and the store on a folder and on an S3 server."""

import re
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image, ImageCms

from crmgraph.photos import (
    FORMATS,
    MAX_PIXELS,
    MAX_SIDE,
    NotAnImage,
    PhotoStore,
    Rendered,
    StoreAway,
    TooLargeImage,
    file_name,
    new_key,
    render,
    safe_file_name,
)

LIMIT = 10_000_000
RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def near(pixel: Any, wanted: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(pixel, wanted, strict=True))


def halves(width: int = 64, height: int = 32) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


@pytest.mark.parametrize("format_", sorted(FORMATS))
async def test_every_format_comes_back_as_a_jpeg_in_three_sizes(format_: str) -> None:
    rendered = await render(encoded(halves(900, 450), format_), max_bytes=LIMIT)
    assert (rendered.content_type, rendered.extension) == ("image/jpeg", "jpg")
    assert (rendered.width, rendered.height) == (900, 450)
    images = {size: opened(data) for size, data in rendered.sizes.items()}
    assert {size: (image.format, image.mode, image.size) for size, image in images.items()} == {
        "original": ("JPEG", "RGB", (900, 450)),
        "medium": ("JPEG", "RGB", (400, 200)),
        "small": ("JPEG", "RGB", (120, 60)),
    }
    for image in images.values():
        assert near(image.getpixel((5, 5)), RED)
        assert near(image.getpixel((image.width - 5, 5)), BLUE)


async def test_a_small_image_is_never_enlarged() -> None:
    rendered = await render(encoded(halves(), "PNG"), max_bytes=LIMIT)
    assert {opened(data).size for data in rendered.sizes.values()} == {(64, 32)}


async def test_the_same_file_is_rendered_to_the_same_bytes() -> None:
    data = encoded(halves(), "PNG")
    assert await render(data, max_bytes=LIMIT) == await render(data, max_bytes=LIMIT)


async def test_no_metadata_survives() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (50.0, 4.0, 30.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    jpeg = encoded(
        halves(),
        "JPEG",
        exif=exif,
        icc_profile=profile,
        comment=b"SecretComment",
        xmp=b"<x>SecretXmp</x>",
        dpi=(99, 99),
    )
    assert opened(jpeg).getexif().get_ifd(0x8825)[2] == (50.0, 4.0, 30.0)
    assert b"SecretComment" in jpeg
    transparent = encoded(Image.new("RGBA", (9, 9), (1, 2, 3, 99)), "PNG", exif=exif, icc_profile=profile)
    for given in (jpeg, transparent):
        for data in (await render(given, max_bytes=LIMIT)).sizes.values():
            image = opened(data)
            assert dict(image.getexif()) == {}
            assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert b"Secret" not in data
            assert b"Exif" not in data
            assert b"iCCP" not in data


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_the_picture_is_turned_upright(orientation: int) -> None:
    upright = Image.new("RGB", (64, 32), RED)
    upright.paste(GREEN, (32, 0, 64, 16))
    upright.paste(BLUE, (0, 16, 32, 32))
    # How a camera held so has stored it: the inverse of what the number asks for.
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    rendered = await render(encoded(stored, "JPEG", exif=exif, quality=95, subsampling=0), max_bytes=LIMIT)
    assert (rendered.width, rendered.height) == (64, 32)
    image = opened(rendered.sizes["original"])
    corners = [image.getpixel(at) for at in ((6, 6), (57, 6), (6, 25), (57, 25))]
    assert all(near(*pair, by=25) for pair in zip(corners, (RED, GREEN, BLUE, RED), strict=True)), corners


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0not tiff at all",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI4s", 0x0112, 2, 4, b"abc\0") + bytes(4),
    ],
    ids=["no directory", "words for an orientation"],
)
async def test_damaged_exif_data_does_not_spoil_the_picture(exif: bytes) -> None:
    rendered = await render(encoded(halves(), "JPEG", exif=exif), max_bytes=LIMIT)
    assert near(opened(rendered.sizes["original"]).getpixel((5, 5)), RED)
    assert (rendered.width, rendered.height) == (64, 32)


async def test_an_animation_becomes_its_first_frame() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, GREEN, BLUE)]
    for format_ in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
        assert opened(data).n_frames == 3
        rendered = await render(data, max_bytes=LIMIT)
        image = opened(rendered.sizes["original"])
        assert getattr(image, "n_frames", 1) == 1
        assert near(image.getpixel((20, 20)), RED)


async def test_transparency_is_kept_and_an_unused_alpha_channel_is_not() -> None:
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([*RED, *GREEN])
    palette.paste(1, (20, 0, 40, 40))
    rendered = await render(encoded(palette, "PNG", transparency=0), max_bytes=LIMIT)
    assert (rendered.content_type, rendered.extension) == ("image/png", "png")
    image = opened(rendered.sizes["original"])
    assert (image.format, image.mode) == ("PNG", "RGBA")
    assert image.getpixel((5, 5))[3] == 0
    assert image.getpixel((30, 5)) == (*GREEN, 255)

    half = await render(encoded(Image.new("RGBA", (10, 10), (*RED, 128)), "WEBP", lossless=True), max_bytes=LIMIT)
    assert opened(half.sizes["small"]).getpixel((3, 3)) == (*RED, 128)
    opaque = await render(encoded(Image.new("RGBA", (10, 10), (*RED, 255)), "PNG"), max_bytes=LIMIT)
    assert opaque.content_type == "image/jpeg"


async def test_cmyk_sixteen_bits_grey_and_black_and_white_come_out_in_their_colours() -> None:
    cmyk = await render(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"), max_bytes=LIMIT)
    assert near(opened(cmyk.sizes["original"]).getpixel((8, 8)), (254, 0, 0))
    deep = await render(encoded(Image.new("I;16", (16, 16), 0x8000), "PNG"), max_bytes=LIMIT)
    assert near(opened(deep.sizes["original"]).getpixel((8, 8)), (127, 127, 127), by=1)
    grey = await render(encoded(Image.new("L", (16, 16), 77), "PNG"), max_bytes=LIMIT)
    assert near(opened(grey.sizes["original"]).getpixel((8, 8)), (77, 77, 77), by=1)
    white = await render(encoded(Image.new("1", (16, 16), 1), "PNG"), max_bytes=LIMIT)
    assert opened(white.sizes["original"]).getpixel((8, 8)) == (255, 255, 255)


async def test_colours_of_another_space_are_converted_and_a_wrong_profile_is_ignored() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"not a profile"):
        rendered = await render(encoded(halves(), "JPEG", icc_profile=profile), max_bytes=LIMIT)
        assert near(opened(rendered.sizes["original"]).getpixel((5, 5)), RED)
    swapped = await render(encoded(halves(), "JPEG", icc_profile=_swapping_profile()), max_bytes=LIMIT)
    assert near(opened(swapped.sizes["original"]).getpixel((5, 5)), (RED[2], RED[1], RED[0]), by=30)


def _swapping_profile() -> bytes:
    """sRGB with the primaries of red and blue exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp1").replace(b"bXYZ", b"rXYZ").replace(b"tmp1", b"bXYZ")


def png(header: bytes, pixels: bytes) -> bytes:
    """A PNG of this header and these compressed pixels."""
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + body


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and hardly holds a pixel."""
    return png(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), zlib.compress(b"\0" * 100))


REFUSE = """
import asyncio, resource, sys, time
from crmgraph.photos import NotAnImage, TooLargeImage, render

async def refused(data, error):
    try:
        await render(data, max_bytes=10**9)
    except error as refusal:
        return refusal

asyncio.run(refused(b"warm up", NotAnImage))
data = sys.stdin.buffer.read()
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
refusal = asyncio.run(refused(data, TooLargeImage))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / before
print(refusal.limit, refusal.unit, time.perf_counter() - started < 1, grown < 1.5)
"""


def test_a_small_file_of_too_many_pixels_is_refused_fast_and_in_little_memory() -> None:
    side = 20_000
    rows = zlib.compressobj()
    pixels = b"".join(rows.compress(bytes(1 + side // 8)) for _ in range(side)) + rows.flush()
    bomb = png(struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0), pixels)
    assert len(bomb) < 100_000
    # In a process of its own, whose memory was never that large: decoded it is 400 MB.
    told = subprocess.run([sys.executable, "-c", REFUSE], input=bomb, capture_output=True, check=True, timeout=60)
    assert told.stdout.decode().split() == [str(MAX_PIXELS), "pixels", "True", "True"]


@pytest.mark.parametrize(
    ("width", "height", "limit"),
    [
        (6_325, 6_325, MAX_PIXELS),
        (10_000, 10_000, MAX_PIXELS),
        (2_000_000_000, 2_000_000_000, MAX_PIXELS),
        (MAX_SIDE + 1, 1, MAX_SIDE),
        (1, MAX_SIDE + 1, MAX_SIDE),
    ],
)
async def test_pixels_are_bounded_in_area_and_side(width: int, height: int, limit: int) -> None:
    with pytest.raises(TooLargeImage) as refused:
        await render(png_header(width, height), max_bytes=LIMIT)
    assert (refused.value.limit, refused.value.unit) == (limit, "pixels")


async def test_the_largest_side_is_taken() -> None:
    rendered = await render(encoded(Image.new("L", (MAX_SIDE, 2)), "PNG"), max_bytes=LIMIT)
    assert (rendered.width, rendered.height) == (MAX_SIDE, 2)
    assert opened(rendered.sizes["small"]).size == (120, 1)


async def test_bytes_are_bounded() -> None:
    data = encoded(halves(), "PNG")
    assert (await render(data, max_bytes=len(data))).width == 64
    with pytest.raises(TooLargeImage) as refused:
        await render(data, max_bytes=len(data) - 1)
    assert (refused.value.limit, refused.value.unit) == (len(data) - 1, "bytes")


SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
)
NO_IMAGES = {
    "nothing": b"",
    "text": b"hello",
    "html": b"<!doctype html><script>alert(1)</script>",
    "html before an image": b"<html>" + encoded(halves(), "JPEG"),
    "svg": SVG,
    "eps": encoded(halves(), "EPS"),
    "pdf": encoded(halves(), "PDF"),
    "tiff": encoded(halves(), "TIFF"),
    "ico": encoded(halves(), "ICO"),
    "ppm": encoded(halves(), "PPM"),
    "truncated jpeg": encoded(halves(800, 800), "JPEG")[:-200],
    "truncated png": encoded(Image.effect_noise((99, 99), 50), "PNG")[:-2000],
    "truncated gif": encoded(Image.effect_noise((99, 99), 50), "GIF")[:-2000],
    "truncated webp": encoded(Image.effect_noise((99, 99), 50), "WEBP")[:-2000],
    "truncated bmp": encoded(halves(), "BMP")[:-200],
    "a png's first bytes": b"\x89PNG\r\n\x1a\n",
    "a jpeg's first bytes": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "few pixels": png_header(100, 100),
    "no width": png_header(0, 100),
}


@pytest.mark.parametrize("data", NO_IMAGES.values(), ids=NO_IMAGES.keys())
async def test_what_is_no_whole_image_of_a_known_format_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        await render(data, max_bytes=LIMIT)


async def test_the_content_decides_which_formats_are_taken() -> None:
    gif = encoded(halves(), "GIF")
    with pytest.raises(NotAnImage):
        await render(gif, max_bytes=LIMIT, formats=frozenset({"JPEG", "PNG"}))
    assert (await render(gif, max_bytes=LIMIT, formats=frozenset({"GIF"}))).width == 64
    with pytest.raises(ValueError, match="EPS"):
        await render(gif, max_bytes=LIMIT, formats=frozenset({"GIF", "EPS"}))


async def test_what_is_hidden_behind_an_image_disappears() -> None:
    archive = b"PK\x03\x04payload.exe<script>alert(1)</script>"
    for format_ in ("JPEG", "PNG", "GIF"):
        rendered = await render(encoded(halves(), format_) + archive, max_bytes=LIMIT)
        for data in rendered.sizes.values():
            assert b"PK\x03\x04" not in data
            assert b"script" not in data


async def test_a_multi_picture_jpeg_of_a_telephone_is_its_first_picture() -> None:
    data = encoded(halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 32), GREEN)])
    assert opened(data).format == "MPO"
    rendered = await render(data, max_bytes=LIMIT, formats=frozenset({"JPEG"}))
    assert near(opened(rendered.sizes["original"]).getpixel((5, 5)), RED)


def test_keys_are_unguessable_and_of_one_form() -> None:
    keys = {new_key("jpg") for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}\.jpg", key) for key in keys)
    with pytest.raises(ValueError, match="exe"):
        new_key("exe")


def test_file_names_are_harmless_and_end_as_their_content_does() -> None:
    assert file_name("CONTACT", 1_000_000_000, "image/png") == "contact-1000000000.png"
    assert safe_file_name("Profile Image.png", "image/jpeg") == "Profile_Image.jpg"
    assert safe_file_name("../../etc/passwd", "image/png") == "passwd.png"
    assert safe_file_name('C:\\me\\a".html', "image/png") == "a.png"
    assert safe_file_name("x\r\nSet-Cookie: a=b", "image/png") == "x_Set-Cookie_a_b.png"
    assert safe_file_name("a" * 500, "image/jpeg") == "a" * 80 + ".jpg"
    assert safe_file_name("..", "image/jpeg") is None
    assert safe_file_name("", "image/jpeg") is None


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with one bucket, `photos`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket="photos")
    client.close()
    yield url
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PhotoStore:
    if request.param == "folder":
        return PhotoStore((tmp_path / "a folder").as_uri())
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return PhotoStore("s3://photos/some/prefix")


RENDERED = Rendered("image/jpeg", 3, 2, {"original": b"the original", "medium": b"medium", "small": b"small"})


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


async def test_a_photo_is_read_in_each_size_and_dead_after_removal(store: PhotoStore) -> None:
    key, other = new_key("jpg"), new_key("jpg")
    await store.save(key, RENDERED)
    await store.save(other, RENDERED)
    assert await store.read(key, "original") == b"the original"
    assert await store.read(key, "medium") == b"medium"
    assert await store.read(key, "small") == b"small"
    await store.remove(key)
    for size in ("original", "medium", "small"):
        assert await store.read(key, size) is None
        assert await store.read(other, size) is not None
    await store.remove(key)


async def test_the_bucket_holds_what_it_should_under_its_prefix(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENDPOINT_URL": s3, "ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "x", "REGION": "eu"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    store, key = PhotoStore("s3://photos/only/here"), new_key("png")
    client = boto3.client("s3", region_name="us-east-1")

    def held() -> list[str]:
        return [entry["Key"] for entry in client.list_objects_v2(Bucket="photos", Prefix="only").get("Contents", [])]

    await store.save(key, RENDERED)
    folder = "only/here/" + key.removesuffix(".png")
    assert held() == [f"{folder}/medium.png", f"{folder}/original.png", f"{folder}/small.png"]
    await store.remove(key)
    assert held() == []
    client.close()


async def test_nothing_is_left_in_the_folder_after_removal(tmp_path: Path) -> None:
    store, key = PhotoStore(tmp_path.as_uri()), new_key("jpg")
    await store.save(key, RENDERED)
    assert files(tmp_path / key[:32]) == ["medium.jpg", "original.jpg", "small.jpg"]
    await store.remove(key)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "..",
        "../secret.jpg",
        "/etc/passwd",
        "a" * 32,
        "a" * 32 + ".jpg\n",
        "a" * 32 + ".exe",
        "a" * 33 + ".jpg",
        "a" * 29 + "/..//.jpg",
        "%2e" * 10 + "ab.jpg",
        "é" * 32 + ".jpg",
    ],
)
async def test_a_strange_key_never_becomes_a_path(tmp_path: Path, key: str) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    store = PhotoStore((tmp_path / "photos").as_uri())
    assert await store.read(key, "original") is None
    await store.remove(key)
    with pytest.raises(ValueError, match="not a key"):
        await store.save(key, RENDERED)
    assert files(tmp_path) == ["photos", "secret.jpg"]


async def test_a_strange_size_is_not_there(tmp_path: Path) -> None:
    store, key = PhotoStore(tmp_path.as_uri()), new_key("jpg")
    await store.save(key, RENDERED)
    assert await store.read(key, "../" + key[:32] + "/original") is None
    assert await store.read(key, "large") is None


async def test_a_server_that_is_away_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENDPOINT_URL": "http://127.0.0.1:9", "ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    store, key = PhotoStore("s3://photos"), new_key("jpg")
    started = time.perf_counter()
    with pytest.raises(StoreAway):
        await store.read(key, "small")
    with pytest.raises(StoreAway):
        await store.remove(key)
    with pytest.raises(StoreAway):
        await store.save(key, RENDERED)
    await store.close()
    assert time.perf_counter() - started < 10


async def test_a_photo_that_cannot_be_saved_whole_is_not_saved_at_all(tmp_path: Path) -> None:
    store, key = PhotoStore(tmp_path.as_uri()), new_key("jpg")
    (tmp_path / key[:32] / "small.jpg").mkdir(parents=True)  # a folder where the last of the three files should go
    with pytest.raises(StoreAway):
        await store.save(key, RENDERED)
    await store.close()
    assert files(tmp_path / key[:32]) == ["small.jpg"]


@pytest.mark.parametrize("url", ["", "photos", "file:", "file://host/photos", "s3:", "s3:///x", "http://host/photos"])
def test_a_store_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="photos are kept in"):
        PhotoStore(url)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=f"the folder {tmp_path}/file/photos cannot be made: Not a directory"):
        PhotoStore((tmp_path / "file/photos").as_uri())
