"""Mail: one port to send a message through, and an outbox that sends in the background."""

import asyncio
import os
import secrets
import smtplib
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import NonASCIILocalPartDefect
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import localtime, make_msgid
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import structlog

log = structlog.get_logger(__name__)

TIMEOUT = 15.0
"""Seconds that a mail server has for each of its answers."""


class MailAway(Exception):
    """The message could not be handed over: the folder or the server does not take it."""


class Unmailable(ValueError):
    """No message can be made of this: not exactly one address, a line break in a header, or broken Unicode."""


class Mail(Protocol):
    """Something that takes a message for somebody."""

    async def send(self, to: str, subject: str, text: str) -> None:
        """Hand over one message.

        Args:
            to: one bare address, e.g. `ravi@example.com`.
            subject: one line.
            text: plain text.

        Raises:
            Unmailable: the address or the subject is not what it should be.
            MailAway: it could not be handed over.
        """


def open_mail(url: str | None, sender: str) -> Mail:
    """The mail that this URL names.

    Args:
        url: `file:///folder` writes each message into a file there. `smtp://user:password@host:port` hands them to a
            server, encrypted from the start with `smtps:`, or by STARTTLS with `?starttls=1`; user, password and port
            (587, or 465 for `smtps:`) may be left out. None or "" sends nothing, and says so in the log now.
        sender: the bare address that messages come from.

    Raises:
        ValueError: the URL is of none of these forms; or the sender is no address.
    """
    if not url:
        log.warning("no mail is sent: no mail URL is set")
        return NoMail()
    _compose(sender, sender, "", "")
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return FolderMail(Path(unquote(parts.path)), sender)
    if parts.scheme in ("smtp", "smtps") and parts.hostname:
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        starttls = options.pop("starttls", ["0"])[-1]
        if not options and starttls in ("0", "1") and (parts.scheme, starttls) != ("smtps", "1"):
            return SmtpMail(
                host=parts.hostname,
                port=parts.port or (465 if parts.scheme == "smtps" else 587),
                sender=sender,
                encrypted=parts.scheme == "smtps",
                starttls=starttls == "1",
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
            )
    raise ValueError("mail goes to file:///folder, smtp://user:password@host:port?starttls=1 or smtps://...")


class NoMail:
    """Sends nothing."""

    async def send(self, to: str, subject: str, text: str) -> None:
        """Forget the message."""


class FolderMail:
    """Writes each message into a file of its own, `<nanoseconds>-<random>.eml`, that appears when it is whole."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, to: str, subject: str, text: str) -> None:
        """Write one message. Raises as `Mail.send` says."""
        message = _compose(self._sender, to, subject, text)
        try:
            await asyncio.to_thread(self._write, message.as_bytes())
        except OSError as error:
            raise MailAway from error

    def _write(self, message: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.time_ns()}-{secrets.token_hex(4)}"
        part = self._folder / f".{name}.part"
        # Only for the owner's eyes: a message may hold a code that opens an account.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message)
        part.replace(self._folder / f"{name}.eml")


@dataclass(frozen=True, slots=True)
class SmtpMail:
    """Hands each message to an SMTP server, in a connection of its own.

    Attributes:
        encrypted: TLS from the start.
        starttls: TLS after the greeting; a server that does not offer it gets no message.
        user: "" logs in nowhere.
    """

    host: str
    port: int
    sender: str
    encrypted: bool = False
    starttls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)

    async def send(self, to: str, subject: str, text: str) -> None:
        """Hand over one message. Raises as `Mail.send` says."""
        message = _compose(self.sender, to, subject, text)
        try:
            await asyncio.to_thread(self._send, message)
        except (smtplib.SMTPException, OSError) as error:
            raise MailAway from error

    def _send(self, message: EmailMessage) -> None:
        with self._connect() as server:
            if self.starttls:
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
            server.send_message(message)

    def _connect(self) -> smtplib.SMTP:
        if self.encrypted:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=ssl.create_default_context())
        return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)


class Outbox:
    """Sends in the background, one message at a time, so that no answer waits for it or tells by its time.

    A message that cannot be sent is logged, without its address and text, and forgotten.

    Args:
        mail: what sends.
        limit: the most messages that wait; one more is dropped and logged.
    """

    def __init__(self, mail: Mail, *, limit: int = 1000) -> None:
        self._mail = mail
        self._waiting: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue(limit)
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    def post(self, to: str, subject: str, text: str) -> None:
        """Queue one message, with the arguments of `Mail.send`; returns at once and never raises."""
        if self._closed:
            log.warning("mail not sent", reason="closed")
            return
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())
        try:
            self._waiting.put_nowait((to, subject, text))
        except asyncio.QueueFull:
            log.warning("mail not sent", reason="queue full")

    async def close(self, *, within: float = 20.0) -> None:
        """Take no more messages, and wait until those that are queued are sent.

        Args:
            within: seconds to wait; what is left by then is counted in the log and forgotten.
        """
        self._closed = True
        if self._worker is None:
            return
        try:
            await asyncio.wait_for(self._waiting.join(), within)
        except TimeoutError:
            log.warning("mail not sent", reason="closing", count=self._waiting.qsize() + 1)
        self._worker.cancel()
        with suppress(asyncio.CancelledError):
            await self._worker

    async def _work(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self._mail.send(*message)
            except Exception as error:
                # The name of the error only: its text repeats the address, and a server may repeat the message.
                log.warning("mail not sent", reason=type(error.__cause__ or error).__name__)
            finally:
                self._waiting.task_done()


def _compose(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    try:
        message["From"] = sender
        message["To"] = to
        message["Subject"] = subject
    except ValueError:
        raise Unmailable("a header holds a line break") from None
    for header, given in (("From", sender), ("To", to)):
        addresses = message[header].addresses
        faults = [fault for fault in message[header].defects if not isinstance(fault, NonASCIILocalPartDefect)]
        if len(addresses) != 1 or addresses[0].addr_spec != given or faults:
            raise Unmailable("not exactly one bare address")
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    try:
        message.set_content(text)
    except ValueError:
        raise Unmailable("the text is not Unicode") from None
    return message
