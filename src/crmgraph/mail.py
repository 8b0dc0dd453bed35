"""Mail: one port to hand a message over by, to a folder or an SMTP server."""

import asyncio
import os
import secrets
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import NonASCIILocalPartDefect
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import localtime, make_msgid
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import structlog

log = structlog.get_logger(__name__)

TIMEOUT = 15.0
"""Seconds that a mail server has for each of its answers."""


class MailAway(Exception):
    """The message could not be handed over now: the folder or the server does not take any, or asks to wait.

    Attributes:
        reason: why, for the log: the kind of error and the server's code, and nothing of its text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MailRefused(Exception):
    """The server takes this message never, by a code from 500 up (RFC 5321, 4.2.1).

    Attributes:
        reason: as of `MailAway`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
            MailRefused: this message will not be taken.
            MailAway: it could not be handed over now.
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
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port has to be a number from 1 to 65535, e.g. smtp://mail.example.com:587") from None
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return FolderMail(Path(unquote(parts.path)), sender)
    if parts.scheme in ("smtp", "smtps") and parts.hostname:
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        starttls = options.pop("starttls", ["0"])[-1]
        if not options and starttls in ("0", "1") and (parts.scheme, starttls) != ("smtps", "1"):
            return SmtpMail(
                host=parts.hostname,
                port=port or (465 if parts.scheme == "smtps" else 587),
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
            raise MailAway(type(error).__name__) from error

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

    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(8, thread_name_prefix="mail"), repr=False, compare=False
    )
    """Of its own: a server that hangs takes none of the threads that others need."""

    async def send(self, to: str, subject: str, text: str) -> None:
        """Hand over one message. Raises as `Mail.send` says.

        Whoever gives up waiting ends the conversation.
        """
        conversation = _Conversation(self, _compose(self.sender, to, subject, text))
        try:
            await asyncio.get_running_loop().run_in_executor(self.threads, conversation.hold)
        except asyncio.CancelledError:
            conversation.end()
            raise

    def connect(self, known: "Known") -> smtplib.SMTP:
        """A connection that is greeted, encrypted and logged in as the settings say.

        Args:
            known: is told of it before the server has said a word.
        """
        kind = _EncryptedServer if self.encrypted else _Server
        server = kind(known, self.host, self.port)
        try:
            if self.starttls:
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


Known: TypeAlias = Callable[[smtplib.SMTP], None]


class _Server(smtplib.SMTP):
    """A connection that is known to others while its server is still to greet: one that greets a byte at a time would
    keep its thread for hours."""

    def __init__(self, known: Known, host: str, port: int) -> None:
        known(self)
        super().__init__(host, port, timeout=TIMEOUT)


class _EncryptedServer(smtplib.SMTP_SSL):
    """The same, encrypted from the start."""

    def __init__(self, known: Known, host: str, port: int) -> None:
        known(self)
        super().__init__(host, port, timeout=TIMEOUT, context=ssl.create_default_context())


class _Conversation:
    """One message's talk with the server, in a thread; another may end it."""

    def __init__(self, mail: SmtpMail, message: EmailMessage) -> None:
        self._mail = mail
        self._message = message
        self._server: smtplib.SMTP | None = None
        self._ended = False

    def hold(self) -> None:
        """Hand the message over. Raises `MailAway` and `MailRefused`."""
        try:
            # Nothing that happens up to here says anything about the message: a wrong password is mended, and a server
            # that has no time for us has some later.
            server = self._mail.connect(self._known)
        except (smtplib.SMTPException, OSError) as error:
            raise MailAway(_told(error)) from error
        try:
            if self._ended:
                return
            server.send_message(self._message)
        except smtplib.SMTPSenderRefused as error:  # our own address, which is a setting
            raise MailAway(_told(error)) from error
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError) as error:
            lasting = isinstance(error, smtplib.SMTPNotSupportedError) or _code(error) >= 500
            raise (MailRefused if lasting else MailAway)(_told(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailAway(_told(error)) from error
        finally:
            # The message is taken or not by now, however the server likes to be left.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _known(self, server: smtplib.SMTP) -> None:
        self._server = server

    def end(self) -> None:
        """Hang up, so that the thread is free."""
        self._ended = True
        if self._server is not None and self._server.sock is not None:
            with suppress(OSError):
                self._server.sock.shutdown(socket.SHUT_RDWR)


def _code(error: Exception) -> int:
    """The server's code; 0 when it gave none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((code for code, _ in error.recipients.values()), 0)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def _told(error: Exception) -> str:
    code = _code(error)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


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
