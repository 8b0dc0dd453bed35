"""A network between crmgraph and a PostgreSQL, which can be made to stall, to refuse, or to speak TLS."""

import asyncio
import datetime as dt
import ssl
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SSL_REQUEST = (80877103).to_bytes(4, "big")


class Proxy:
    """Passes connections on from a port of this machine to the socket of a server.

    Args:
        uri: of the server, with the folder of its socket.
        tls: what it shows to those who ask for TLS; None refuses it.

    Attributes:
        accepted: how many connections have come, and of these `encrypted` by TLS.
        refusal: a SQLSTATE with which new connections are sent away.
    """

    def __init__(self, uri: str, tls: ssl.SSLContext | None = None) -> None:
        self._parts = urlsplit(uri)
        self._socket = Path(parse_qs(self._parts.query)["host"][0]) / ".s.PGSQL.5432"
        self._tls = tls
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = self.encrypted = 0
        self.refusal: str | None = None

    def url(self, parameters: str = "", host: str = "127.0.0.1") -> str:
        return f"postgresql://postgres@{host}:{self.port}{self._parts.path}?{parameters}".rstrip("?")

    def stall(self) -> None:
        """From now on nothing passes, in either direction; connections are still accepted."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._come, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                first = await reader.readexactly(8)
                if first[4:] == SSL_REQUEST:
                    writer.write(b"N" if self._tls is None else b"S")
                    if self._tls is not None:
                        await writer.start_tls(self._tls)
                        self.encrypted += 1
                    first = await reader.readexactly(8)
                await self._flows.wait()
                if self.refusal is not None:
                    fields = b"SFATAL\0VFATAL\0C" + self.refusal.encode() + b"\0Mnot now\0\0"
                    writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
                    return
                inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._socket))
                inner_writer.write(first)
                try:
                    await asyncio.gather(self._pass(reader, inner_writer), self._pass(inner_reader, writer))
                finally:
                    inner_writer.close()
        finally:
            with suppress(OSError):
                writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """(a certificate that signs itself, what a server shows it with)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / f"{name}.crt", folder / f"{name}.key"
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, secret)
    return shown, context
