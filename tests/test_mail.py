"""Mail through a folder and a real SMTP server."""

import asyncio
import email
import stat
from contextlib import suppress
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from crmgraph.mail import MailAway, MailRefused, NoMail, SmtpMail, Unmailable, open_mail
from tests.smtp import SmtpServer, smtp

__all__ = ["smtp"]

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
        (f"smtp://{here}?starttls=1", "ravi@example.com"),
        (f"smtps://{here}", "ravi@example.com"),
        ("smtp://127.0.0.1:9", "ravi@example.com"),
    ):
        with pytest.raises(MailAway):
            await open_mail(url, SENDER).send(to, "s", "t")
    with pytest.raises(MailRefused, match=r"^SMTPRecipientsRefused 550$"):
        await open_mail(f"smtp://{here}", SENDER).send(smtp.refused, "s", "t")
    assert smtp.messages == []


@pytest.mark.parametrize("first", [b"", b"220 here\r\n"], ids=["greets", "says what it can"])
async def test_a_server_that_speaks_a_byte_at_a_time_is_left_with_the_try(first: bytes) -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def speak() -> None:
            writer.write(first)
            while True:
                writer.write(b"2")
                await asyncio.sleep(0.05)

        speaking = asyncio.create_task(speak())
        with suppress(ConnectionError):
            await reader.read()
        speaking.cancel()
        writer.close()
        left.set()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        mail = open_mail(f"smtp://127.0.0.1:{listening.sockets[0].getsockname()[1]}", SENDER)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await mail.send("ravi@example.com", "s", "t")
        async with asyncio.timeout(10):
            await left.wait()


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
