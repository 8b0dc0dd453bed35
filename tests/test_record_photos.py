"""The photo of a record, in both databases and a real store."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from crmgraph.crm.errors import Forbidden, NotFound, TooLarge, Unavailable, UnsupportedImage
from crmgraph.crm.job_queue import Done, JobQueue
from crmgraph.crm.models import Account, Action, Change, Door, Job, PartyKind, Photo, Role
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.record_photos import REMOVE_PHOTO, RecordPhotos
from crmgraph.db.database import Database
from crmgraph.jobs import Kind, Runner
from crmgraph.photos import MAX_PIXELS, PhotoStore, StoreAway

AGENT = Actor(door=Door.OPERATOR, role=Role.AGENT)
LIMIT = 1_000_000


def png(colour: str = "red", width: int = 500, height: int = 300) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def record_photos(db: Database, folder: Path) -> RecordPhotos:
    return RecordPhotos(db, PhotoStore(folder.as_uri()), JobQueue(db))


@pytest.fixture
async def contact(db: Database) -> int:
    return await made(db, PartyKind.CONTACT)


async def made(db: Database, kind: PartyKind) -> int:
    values = {"name": "Rathore Ltd"} if kind is PartyKind.ACCOUNT else {"last_name": "Rathore"}
    if kind is PartyKind.LEAD:
        values["company"] = "Rathore Ltd"
    async with db.begin() as session:
        return (await parties.create(session, AGENT, kind, Edit(values=values))).id


async def settle(record_photos: RecordPhotos) -> None:
    """Let everything go from the store that is on its way out: by a worker as any process may be one."""
    await record_photos.store.close()
    kind = Kind(REMOVE_PHOTO, record_photos.take_out, failure="a removed photo is still in the store")
    await Runner(record_photos.db, JobQueue(record_photos.db), [kind]).run_due()


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def kept(key: str) -> list[str]:
    stem, _, extension = key.rpartition(".")
    return [f"{stem}/{size}.{extension}" for size in ("medium", "original", "small")]


async def state(db: Database, party_id: int, kind: PartyKind = PartyKind.CONTACT) -> tuple[int, list[object]]:
    """The revision of the record, and the fields of its changes after the first."""
    async with db.read() as session:
        revision = await session.scalar(select(MODELS[kind].revision).where(MODELS[kind].id == party_id))
        changes = await session.scalars(select(Change).where(Change.party_id == party_id).order_by(Change.id).offset(1))
        return revision or 0, [(change.action, change.revision, change.fields) for change in changes]


def changed(revision: int, old: str | None, new: str | None) -> tuple[object, ...]:
    return (Action.UPDATED, revision, [{"field": "photo", "old": old, "new": new}])


@pytest.mark.parametrize("kind", list(PartyKind))
async def test_a_photo_is_set_and_read_on_every_kind_of_record(
    db: Database, record_photos: RecordPhotos, folder: Path, kind: PartyKind
) -> None:
    party_id = await made(db, kind)
    photo = await record_photos.set(AGENT, kind, party_id, png(), max_bytes=LIMIT)
    name = f"{kind.lower()}-{party_id}.jpg"
    assert (photo.party_id, photo.file_name, photo.content_type) == (party_id, name, "image/jpeg")
    assert (photo.width, photo.height) == (500, 300)
    for size, wanted in {"original": (500, 300), "medium": (400, 240), "small": (120, 72)}.items():
        row, data = await record_photos.read(photo.key, size)
        assert (row.key, Image.open(BytesIO(data)).size) == (photo.key, wanted)
        if size == "original":
            assert len(data) == photo.size_bytes
    assert files(folder) == kept(photo.key)
    assert await state(db, party_id, kind) == (2, [changed(2, None, name)])


async def test_another_photo_takes_its_place_and_the_old_address_is_dead(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    first = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("red"), max_bytes=LIMIT, file_name="me.PNG")
    second = await record_photos.set(
        AGENT, PartyKind.CONTACT, contact, png("blue"), max_bytes=LIMIT, file_name="me.bmp"
    )
    assert first.key != second.key
    assert (first.file_name, second.file_name) == ("me.jpg", "me.jpg")
    with pytest.raises(NotFound):
        await record_photos.read(first.key, "small")
    assert (await record_photos.read(second.key, "small"))[0].key == second.key
    await settle(record_photos)
    assert files(folder) == kept(second.key)
    assert await state(db, contact) == (3, [changed(2, None, "me.jpg"), changed(3, "me.jpg", "me.jpg")])
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Photo)) == 1


async def test_a_photo_goes_from_the_store_though_the_process_that_replaced_it_is_killed(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    first = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("red"), max_bytes=LIMIT)
    # Nothing runs jobs in this process: all that is left of the former photo once it has committed is in the database.
    second = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("blue"), max_bytes=LIMIT)
    assert files(folder) == sorted(kept(first.key) + kept(second.key))
    async with db.read() as session:
        (job,) = await session.scalars(select(Job))
        assert (job.kind, job.payload) == (REMOVE_PHOTO, {"key": first.key})
    other = RecordPhotos(db, PhotoStore(folder.as_uri()), JobQueue(db))
    await settle(other)
    assert files(folder) == kept(second.key)
    async with db.read() as session:
        assert (await session.scalars(select(Job))).all() == []
    # A worker that is killed before it can note that a job is done leaves it to be done again.
    assert await other.take_out({"key": first.key}) == Done()
    await other.remove(AGENT, PartyKind.CONTACT, contact)
    await settle(other)
    assert files(folder) == []


async def test_the_photo_that_is_there_already_changes_nothing(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    first = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT)
    again = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT)
    assert again.key == first.key
    assert files(folder) == kept(first.key)
    assert (await state(db, contact))[0] == 2
    named = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT, file_name="ravi.jpg")
    assert named.file_name == "ravi.jpg"
    assert (await state(db, contact))[0] == 3


async def test_a_removed_photo_is_gone_and_removing_none_changes_nothing(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    assert await record_photos.remove(AGENT, PartyKind.CONTACT, contact) is False
    assert await state(db, contact) == (1, [])
    photo = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT, file_name="a.png")
    assert await record_photos.remove(AGENT, PartyKind.CONTACT, contact) is True
    for size in ("original", "medium", "small"):
        with pytest.raises(NotFound):
            await record_photos.read(photo.key, size)
    await settle(record_photos)
    assert files(folder) == []
    assert await state(db, contact) == (3, [changed(2, None, "a.jpg"), changed(3, "a.jpg", None)])
    assert await record_photos.remove(AGENT, PartyKind.CONTACT, contact) is False
    assert (await state(db, contact))[0] == 3


async def test_what_is_refused_changes_nothing(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    photo = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT)
    with pytest.raises(TooLarge) as large:
        await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("blue"), max_bytes=10)
    assert (large.value.path, large.value.limit, large.value.unit) == (("photo",), 10, "bytes")
    with pytest.raises(TooLarge) as wide:
        await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("blue", 16_000, 2_501), max_bytes=LIMIT)
    assert (wide.value.path, wide.value.limit, wide.value.unit) == (("photo",), MAX_PIXELS, "pixels")
    with pytest.raises(UnsupportedImage) as text:
        await record_photos.set(AGENT, PartyKind.CONTACT, contact, b"<svg/>", max_bytes=LIMIT)
    assert text.value.path == ("photo",)
    with pytest.raises(UnsupportedImage):
        await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT, formats=frozenset({"JPEG"}))
    assert files(folder) == kept(photo.key)
    assert (await state(db, contact))[0] == 2


async def test_nobody_sets_or_removes_the_photo_of_a_record_that_is_not_theirs(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    other, account = await made(db, PartyKind.CONTACT), await made(db, PartyKind.ACCOUNT)
    photo = await record_photos.set(AGENT, PartyKind.CONTACT, other, png(), max_bytes=LIMIT)
    customer = Actor(door=Door.GRAPHQL, role=Role.CUSTOMER, contact_id=contact, account_id=account)
    for actor, kind, party_id, refusal in (
        (customer, PartyKind.CONTACT, other, NotFound),
        (customer, PartyKind.ACCOUNT, account, Forbidden),  # theirs to see, and not its primary contact
        (Actor(door=Door.GRAPHQL), PartyKind.CONTACT, other, NotFound),
        (AGENT, PartyKind.LEAD, other, NotFound),
        (AGENT, PartyKind.CONTACT, 1, NotFound),
    ):
        with pytest.raises(refusal):
            await record_photos.set(actor, kind, party_id, png("blue"), max_bytes=LIMIT)
        with pytest.raises(refusal):
            await record_photos.remove(actor, kind, party_id)
    assert files(folder) == kept(photo.key)
    assert (await state(db, other))[0] == 2
    assert (await state(db, account, PartyKind.ACCOUNT))[0] == 1

    own = await record_photos.set(customer, PartyKind.CONTACT, contact, png("blue"), max_bytes=LIMIT)
    assert own.party_id == contact
    async with db.begin() as session:
        (await session.get_one(Account, account)).primary_contact_id = contact
    logo = await record_photos.set(customer, PartyKind.ACCOUNT, account, png("green"), max_bytes=LIMIT)
    assert logo.party_id == account


async def test_the_photo_of_a_removed_record_is_dead(db: Database, record_photos: RecordPhotos, contact: int) -> None:
    photo = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT)
    async with db.begin() as session:
        await parties.remove(
            session, AGENT, await aggregates.load_one(session, AGENT, PartyKind.CONTACT, contact, lock=True)
        )
    with pytest.raises(NotFound):
        await record_photos.read(photo.key, "small")


async def test_strange_keys_and_sizes_are_not_found(record_photos: RecordPhotos, contact: int) -> None:
    photo = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT)
    for key, size in (("../" + photo.key, "small"), (photo.key, "../small"), (photo.key, "large"), ("", "small")):
        with pytest.raises(NotFound):
            await record_photos.read(key, size)


async def test_two_at_once_leave_one_photo_and_no_stray_bytes(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    colours = ("red", "green", "blue", "white")
    await asyncio.gather(
        *(record_photos.set(AGENT, PartyKind.CONTACT, contact, png(colour), max_bytes=LIMIT) for colour in colours)
    )
    async with db.read() as session:
        (photo,) = await session.scalars(select(Photo))
    await settle(record_photos)
    assert files(folder) == kept(photo.key)
    revision, changes = await state(db, contact)
    assert (revision, len(changes)) == (5, 4)


async def test_a_transaction_that_fails_leaves_no_bytes(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    first = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT)
    stranger = replace(AGENT, staff_id=999)  # nobody of that number: the database refuses the row
    with pytest.raises(IntegrityError):
        await record_photos.set(stranger, PartyKind.CONTACT, contact, png("blue"), max_bytes=LIMIT)
    await settle(record_photos)
    assert files(folder) == kept(first.key)
    assert (await record_photos.read(first.key, "small"))[0].key == first.key
    assert (await state(db, contact))[0] == 2
    async with db.read() as session:
        assert (await session.scalars(select(Job))).all() == []


async def test_a_request_that_is_cancelled_leaves_no_bytes(
    db: Database, record_photos: RecordPhotos, folder: Path, contact: int
) -> None:
    async with db.begin() as session:
        await aggregates.load_one(session, AGENT, PartyKind.CONTACT, contact, lock=True)
        setting = asyncio.create_task(record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT))
        async with asyncio.timeout(10):
            while len(files(folder)) < 3:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # it waits for the record now
        setting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await setting
    await settle(record_photos)
    assert files(folder) == []
    assert await state(db, contact) == (1, [])


async def test_a_store_that_is_away_is_unavailable_and_removing_does_not_need_it(
    db: Database, record_photos: RecordPhotos, contact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png(), max_bytes=LIMIT, file_name="a.png")
    bucket(monkeypatch, 9)
    away = RecordPhotos(db, PhotoStore("s3://photos"), JobQueue(db))
    with capture_logs() as logs:
        with pytest.raises(Unavailable):
            await away.set(AGENT, PartyKind.CONTACT, contact, png("blue"), max_bytes=LIMIT)
        with pytest.raises(Unavailable):
            await away.read(photo.key, "small")
        await settle(away)
    assert (await state(db, contact))[0] == 2
    assert [line["event"] for line in logs].count("the photo store does not answer") == 2
    assert "http://127.0.0.1:9" in logs[0]["reason"]
    assert photo.key[:32] not in str(logs)
    with capture_logs() as logs:
        assert await away.remove(AGENT, PartyKind.CONTACT, contact) is True
        await settle(away)
    (line,) = logs
    assert (line["event"], line["job"], line["tries"]) == ("a removed photo is still in the store", REMOVE_PHOTO, 1)
    assert "http://127.0.0.1:9" in line["reason"]
    assert photo.key[:32] not in str(line)
    with pytest.raises(NotFound):
        await record_photos.read(photo.key, "small")


def bucket(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Let s3://photos be a server of this machine."""
    at = f"http://127.0.0.1:{port}"
    for name, value in {"ENDPOINT_URL": at, "ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "x", "REGION": "eu"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


class SlowBucket:
    """A server of S3 that never answers some of the methods, and remembers what was asked of it."""

    def __init__(self, *silent: str) -> None:
        self.silent = set(silent)
        self.kept: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.talks: list[asyncio.Task[None]] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks.append(asyncio.create_task(self.talk(reader, writer)))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                method, path, _ = head.split(" ", 2)
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                self.asked.append(method)
                if method in self.silent:
                    await asyncio.sleep(3600)
                status, answer = "200 OK", b""
                if method == "PUT":
                    self.kept[path] = body
                elif method == "POST":  # several are deleted at once
                    names = re.findall(r"<Key>([^<]+)</Key>", body.decode())
                    for name in names:
                        self.kept.pop(f"/photos/{name}", None)
                    deleted = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
                    answer = f"<DeleteResult>{deleted}</DeleteResult>".encode()
                elif path in self.kept:
                    answer = self.kept[path]
                else:
                    status = "404 Not Found"
                stamp = 'Last-Modified: Mon, 30 Nov 2026 00:00:00 GMT\r\nETag: "x"\r\n'
                writer.write(f"HTTP/1.1 {status}\r\n{stamp}Content-Length: {len(answer)}\r\n\r\n".encode() + answer)


@asynccontextmanager
async def slow_bucket(monkeypatch: pytest.MonkeyPatch, *silent: str) -> AsyncIterator[SlowBucket]:
    server = SlowBucket(*silent)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    bucket(monkeypatch, listening.sockets[0].getsockname()[1])
    async with listening:
        yield server
        for talk in server.talks:
            talk.cancel()
        await asyncio.gather(*server.talks, return_exceptions=True)


async def test_replacing_and_removing_a_photo_waits_for_no_removal(
    db: Database, contact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with slow_bucket(monkeypatch, "POST") as server:
        record_photos = RecordPhotos(db, PhotoStore("s3://photos", seconds=1), JobQueue(db))
        first = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("red"), max_bytes=LIMIT)
        with capture_logs() as logs:
            started = time.perf_counter()
            second = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("blue"), max_bytes=LIMIT)
            assert await record_photos.remove(AGENT, PartyKind.CONTACT, contact) is True
            assert time.perf_counter() - started < 0.9
            assert first.key != second.key
            await settle(record_photos)
    told = ("a removed photo is still in the store", "it takes too long", 1)
    assert [(line["event"], line["reason"], line["tries"]) for line in logs] == [told] * 2
    assert server.asked.count("POST") == 2
    assert (await state(db, contact))[0] == 4


async def test_a_store_that_takes_too_long_is_told_and_the_photo_stays_as_it_was(
    db: Database, contact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with slow_bucket(monkeypatch) as server:
        record_photos = RecordPhotos(db, PhotoStore("s3://photos", seconds=0.3), JobQueue(db))
        first = await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("red"), max_bytes=LIMIT)
        kept_before = dict(server.kept)
        server.silent = {"PUT"}
        with capture_logs() as logs, pytest.raises(Unavailable):
            await record_photos.set(AGENT, PartyKind.CONTACT, contact, png("blue"), max_bytes=LIMIT)
        assert logs == [
            {"event": "the photo store does not answer", "log_level": "warning", "reason": "it takes too long"}
        ]
        server.silent = {"GET"}
        with pytest.raises(Unavailable):
            await record_photos.read(first.key, "small")
        server.silent = set()
        assert (await record_photos.read(first.key, "small"))[0].key == first.key
        await settle(record_photos)
        assert server.kept == kept_before
    assert (await state(db, contact))[0] == 2


def spoil(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("a file where the folder was")


async def test_a_store_is_asked_whether_it_keeps_photos(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PhotoStore(folder.as_uri())
    await store.check()
    assert files(folder) == []
    spoil(folder)
    with pytest.raises(StoreAway):
        await store.check()
    for silent in ("PUT", "GET", "POST"):
        async with slow_bucket(monkeypatch, silent):
            with pytest.raises(StoreAway, match="it takes too long"):
                await PhotoStore("s3://photos", seconds=0.2).check()
    async with slow_bucket(monkeypatch) as server:
        await PhotoStore("s3://photos").check()
        assert server.kept == {}
