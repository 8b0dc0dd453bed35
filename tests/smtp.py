"""An SMTP server of this machine, for what sends mail."""

import asyncio
import base64
import email
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.policy import default

import pytest


@dataclass
class SmtpServer:
    """A small SMTP server, which remembers what it is told.

    Attributes:
        refused: a recipient that it never takes.
        busy: {recipient: how many times it is asked to come again}.
        dropping: {recipient: how many times the connection ends before the message is taken}.
        silent: recipients whose naming is never answered.
        answering: cleared, nobody is greeted.
    """

    port: int = 0
    refused: str = "nobody@example.com"
    busy: dict[str, int] = field(default_factory=dict)
    dropping: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    logins: list[str] = field(default_factory=list)
    envelopes: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    talks: list[asyncio.Task[None]] = field(default_factory=list)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError):  # a client that gives up just goes
            await self.answering.wait()
            await self.talk(reader, writer)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        to = ""
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
                case "RCPT" if self.told(rest) in self.silent:
                    await asyncio.sleep(3600)
                case "RCPT" if self.busy.get(self.told(rest), 0) > 0:
                    self.busy[self.told(rest)] -= 1
                    answer = b"451 4.7.1 greylisted, come again"
                case "MAIL" | "RCPT":
                    to = self.told(rest)
                    self.envelopes.append(line)
                case "DATA" if self.dropping.get(to, 0) > 0:
                    self.dropping[to] -= 1
                    return
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    body = await reader.readuntil(b"\r\n.\r\n")
                    self.messages.append(body.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))
                case "QUIT":
                    answer = b"221 bye"
            writer.write(answer + b"\r\n")

    @staticmethod
    def told(rest: str) -> str:
        """The address in the rest of a line, e.g. of `TO:<ravi@example.com>`."""
        return rest.partition("<")[2].partition(">")[0]

    def recipients(self) -> list[str]:
        """Who got a message, in their order."""
        return [str(email.message_from_bytes(data, policy=default)["To"]) for data in self.messages]


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpServer]:
    server = SmtpServer()
    server.answering.set()
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
        for talk in server.talks:
            talk.cancel()
        await asyncio.gather(*server.talks, return_exceptions=True)
