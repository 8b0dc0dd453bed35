"""Mail through a folder and a real SMTP server, and the outbox that sends in the background."""

import asyncio
import base64
import email
import stat
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from crmgraph.mail import MailAway, NoMail, Outbox, SmtpMail, Unmailable, open_mail

SENDER = "crm@example.com"
TEXT = "Grüße, Ravi!\nYour code is 123-456.\n.\n.A line that begins with a dot.\n"


def parsed(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def written(folder: Path) -> list[EmailMessage]:
    """The messages of a folder in the order they came; nothing else may lie there."""
    paths = sorted(folder.iterdir())
    assert [path.suffix for path in paths] == [".eml"] * len(paths)
    return [parsed(path.read_bytes()) for path in paths]


@dataclass
class SmtpServer:
    """A small SMTP server: remembers what it is told, refuses one recipient, and can keep its callers waiting."""

    port: int = 0
    refused: str = "nobody@example.com"
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    logins: list[str] = field(default_factory=list)
    envelopes: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    talks: list[asyncio.Task[None]] = field(default_factory=list)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.answering.wait()
        with suppress(ConnectionError):  # a client that gives up just goes
            await self.talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode("latin-1").strip():
            verb, _, rest = line.partition(" ")
            answer = b"250 ok"
            match verb.upper():
                case "EHLO":
                    answer = b"250-here\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 AUTH PLAIN"
                case "AUTH":
                    self.logins.append(base64.b64decode(rest.removeprefix("PLAIN ")).decode())
                    answer = b"235 yes" if self.logins[-1] == "\0ravi@x\0p:w/d" else b"535 no"
                case "RCPT" if self.refused in rest:
                    answer = b"550 nobody@example.com is not here"
                case "MAIL" | "RCPT":
                    self.envelopes.append(line)
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    body = await reader.readuntil(b"\r\n.\r\n")
                    self.messages.append(body.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))
                case "QUIT":
                    answer = b"221 bye"
            writer.write(answer + b"\r\n")


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpServer]:
    server = SmtpServer()
    server.answering.set()
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
        server.answering.set()
        await asyncio.gather(*server.talks)


async def test_a_folder_gets_one_private_file_a_message(tmp_path: Path) -> None:
    folder = tmp_path / "sent mail"
    mail = open_mail(folder.as_uri(), SENDER)
    await mail.send("ravi@example.com", "Réinitialiser 🔑", TEXT)
    await mail.send("rävi@example.com", "Second", "Two")
    first, second = written(folder)
    assert (first["From"], first["To"], first["Subject"]) == (SENDER, "ravi@example.com", "Réinitialiser 🔑")
    assert first["Message-ID"].endswith("@example.com>")
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"].datetime is not None
    assert first.get_content().replace("\r\n", "\n") == TEXT
    assert (second["To"], second.get_content().strip()) == ("rävi@example.com", "Two")
    assert first["Message-ID"] != second["Message-ID"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*")} == {0o600}


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(MailAway):
        await open_mail(blocked.as_uri(), SENDER).send("ravi@example.com", "s", "t")


async def test_a_server_gets_the_message_with_its_envelope(smtp: SmtpServer) -> None:
    await open_mail(f"smtp://127.0.0.1:{smtp.port}", SENDER).send("ravi@example.com", "Your code", TEXT)
    (message,) = smtp.messages
    assert parsed(message).get_content().replace("\r\n", "\n") == TEXT
    assert (parsed(message)["To"], parsed(message)["Subject"]) == ("ravi@example.com", "Your code")
    assert [line.split(" ")[:2] for line in smtp.envelopes] == [
        ["mail", f"FROM:<{SENDER}>"],
        ["rcpt", "TO:<ravi@example.com>"],
    ]
    assert smtp.logins == []


async def test_a_server_gets_the_name_and_password_of_the_url(smtp: SmtpServer) -> None:
    mail = open_mail(f"smtp://ravi%40x:p%3Aw%2Fd@127.0.0.1:{smtp.port}", SENDER)
    await mail.send("ravi@example.com", "s", "t")
    assert smtp.logins == ["\0ravi@x\0p:w/d"]
    assert len(smtp.messages) == 1
    assert "p:w/d" not in repr(mail)


async def test_a_wrong_password_a_refused_recipient_and_a_server_without_tls_get_nothing(smtp: SmtpServer) -> None:
    here = f"127.0.0.1:{smtp.port}"
    for url, to in (
        (f"smtp://ravi:wrong@{here}", "ravi@example.com"),
        (f"smtp://{here}", smtp.refused),
        (f"smtp://{here}?starttls=1", "ravi@example.com"),
        (f"smtps://{here}", "ravi@example.com"),
        ("smtp://127.0.0.1:9", "ravi@example.com"),
    ):
        with pytest.raises(MailAway):
            await open_mail(url, SENDER).send(to, "s", "t")
    assert smtp.messages == []


INJECTIONS = [
    ("ravi@example.com\nBcc: all@example.com", "s"),
    ("ravi@example.com\r\nBcc: all@example.com", "s"),
    ("ravi@example.com", "s\nBcc: all@example.com"),
    ("ravi@example.com", "s\r\n\r\n<script>"),
    ("ravi@example.com, all@example.com", "s"),
    ("ravi@example.com;all@example.com", "s"),
    ("Ravi <ravi@example.com>", "s"),
    ("everybody: ravi@example.com;", "s"),
    ("ravi@example.com\0", "s"),
    ("<ravi@example.com>", "s"),
    ("ravi", "s"),
    ("", "s"),
]


@pytest.mark.parametrize(("to", "subject"), INJECTIONS)
async def test_a_header_says_what_it_should_and_nothing_more(
    tmp_path: Path, smtp: SmtpServer, to: str, subject: str
) -> None:
    for url in (tmp_path.as_uri(), f"smtp://127.0.0.1:{smtp.port}"):
        with pytest.raises(Unmailable):
            await open_mail(url, SENDER).send(to, subject, "t")
    assert written(tmp_path) == []
    assert (smtp.envelopes, smtp.messages) == ([], [])


async def test_broken_unicode_in_a_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unmailable):
        await open_mail(tmp_path.as_uri(), SENDER).send("ravi@example.com", "s", "\ud800")
    assert written(tmp_path) == []


@pytest.mark.parametrize("url", [None, ""])
async def test_without_a_url_nothing_is_sent_and_the_log_says_so_once(url: str | None) -> None:
    with capture_logs() as logs:
        mail = open_mail(url, SENDER)
        await mail.send("ravi@example.com", "s", "Your code is 123-456.")
        await mail.send("ravi@example.com", "s", "Your code is 123-456.")
    assert isinstance(mail, NoMail)
    assert logs == [{"event": "no mail is sent: no mail URL is set", "log_level": "warning"}]


@pytest.mark.parametrize(
    "url",
    [
        "mail",
        "http://host",
        "file://host/folder",
        "file:",
        "smtp:",
        "smtp://host:many",
        "smtp://host?starttls=yes",
        "smtp://host?tls=1",
        "smtp://host?nonsense",
        "smtps://host?starttls=1",
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        open_mail(url, SENDER)


def test_a_sender_must_be_an_address() -> None:
    with pytest.raises(Unmailable):
        open_mail("smtp://host", "CRM <crm@example.com>")


def test_ports_are_those_of_submission() -> None:
    plain, encrypted = open_mail("smtp://host?starttls=1", SENDER), open_mail("smtps://u:p@host", SENDER)
    assert plain == SmtpMail("host", 587, SENDER, starttls=True)
    assert encrypted == SmtpMail("host", 465, SENDER, encrypted=True, user="u", password="p")


async def test_the_outbox_does_not_wait_and_closing_waits_for_what_is_queued(smtp: SmtpServer) -> None:
    outbox = Outbox(open_mail(f"smtp://127.0.0.1:{smtp.port}", SENDER))
    smtp.answering.clear()
    started = time.perf_counter()
    for number in range(3):
        outbox.post("ravi@example.com", f"Message {number}", "t")
    assert time.perf_counter() - started < 0.1
    closing = asyncio.create_task(outbox.close())
    done, _ = await asyncio.wait([closing], timeout=0.2)
    assert (done, smtp.messages) == (set(), [])
    smtp.answering.set()
    await closing
    assert [parsed(message)["Subject"] for message in smtp.messages] == ["Message 0", "Message 1", "Message 2"]


async def test_a_message_that_fails_is_logged_without_a_word_of_it_and_the_next_is_sent(smtp: SmtpServer) -> None:
    outbox = Outbox(open_mail(f"smtp://127.0.0.1:{smtp.port}", SENDER))
    with capture_logs() as logs:
        outbox.post(smtp.refused, "s", "Your code is 123-456.")
        outbox.post("ravi@example.com\nBcc: all@example.com", "s", "Your code is 123-456.")
        outbox.post("ravi@example.com", "s", "Your code is 123-456.")
        await outbox.close()
    assert logs == [
        {"event": "mail not sent", "log_level": "warning", "reason": "SMTPRecipientsRefused"},
        {"event": "mail not sent", "log_level": "warning", "reason": "Unmailable"},
    ]
    assert len(smtp.messages) == 1


async def test_a_full_outbox_and_a_closed_one_drop_messages_and_say_so(smtp: SmtpServer) -> None:
    outbox = Outbox(open_mail(f"smtp://127.0.0.1:{smtp.port}", SENDER), limit=2)
    with capture_logs() as logs:
        for number in range(3):
            outbox.post("ravi@example.com", f"Message {number}", "t")
        await outbox.close()
        outbox.post("ravi@example.com", "Too late", "t")
    assert [parsed(message)["Subject"] for message in smtp.messages] == ["Message 0", "Message 1"]
    assert [entry["reason"] for entry in logs] == ["queue full", "closed"]


async def test_closing_does_not_wait_forever(smtp: SmtpServer) -> None:
    outbox = Outbox(open_mail(f"smtp://127.0.0.1:{smtp.port}", SENDER))
    smtp.answering.clear()
    outbox.post("ravi@example.com", "One", "t")
    outbox.post("ravi@example.com", "Two", "t")
    await asyncio.sleep(0)
    started = time.perf_counter()
    with capture_logs() as logs:
        await outbox.close(within=0.1)
    assert time.perf_counter() - started < 1
    assert logs == [{"event": "mail not sent", "log_level": "warning", "reason": "closing", "count": 2}]


async def test_an_outbox_that_was_never_used_closes() -> None:
    await Outbox(NoMail()).close()
