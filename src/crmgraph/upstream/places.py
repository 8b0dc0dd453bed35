"""Which addresses may be called: an upstream is a server of the owner's, and never one that only we can reach."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_EXAMPLE = "10.1.0.0/16, or 127.0.0.0/8 for this machine"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadPlaceError(ValueError):
    """An address that is not called, with the reason."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base address of an upstream.

    Attributes:
        scheme: https, or http on the loopback interface.
        host: its name or address, as it stands in `Host` and in certificates.
        path: before every path; "" or begins with a slash.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def authority(self) -> str:
        """As `Host` has it: without the port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"

    def is_at(self, url: str) -> bool:
        """Whether this is the server of an address, however that is spelled and whatever its path."""
        other = urlsplit(url)
        port = other.port or (443 if other.scheme == "https" else 80)
        return (self.host.rstrip("."), self.port) == ((other.hostname or "").rstrip("."), port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def read_base(text: str, *, insecure: bool = False) -> Base:
    """A base address as it is written.

    Args:
        insecure: whether http is taken, which `resolve` allows on the loopback interface alone.

    Raises:
        BadPlaceError: it is none.
    """
    try:
        url = urlsplit(text.strip())
        port = url.port
    except ValueError:
        raise BadPlaceError(f"{text}: is no address, e.g. https://www.zohoapis.com") from None
    if url.scheme not in ("https", "http") or not url.hostname:
        raise BadPlaceError(f"{text}: is no address of https, e.g. https://www.zohoapis.com")
    if url.scheme == "http" and not insecure:
        raise BadPlaceError(f"{text}: http carries tokens for everybody to read; --insecure takes it on loopback")
    if url.username or url.password or url.query or url.fragment:
        raise BadPlaceError(f"{text}: has more than a host, a port and a path")
    return Base(url.scheme, url.hostname, port or (443 if url.scheme == "https" else 80), url.path.rstrip("/"))


async def resolve(base: Base, allowed: Sequence[Network] = ()) -> list[str]:
    """The IP addresses of a base address, all of which may be called.

    Args:
        allowed: private networks that may be called as well.

    Raises:
        BadPlaceError: it has none, or one that may not.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(base.host, base.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise BadPlaceError(f"{base.host}: has no address: {error.strerror or error}") from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        ip = ipaddress.ip_address(address.partition("%")[0])
        if not all(_may_be_called(each, allowed) for each in _named_by(ip)):
            told = f"{base.host} is {address}, " if base.host != address else f"{address} is "
            kind = (
                "which is an address of a private network"
                if base.host != address
                else "an address of a private network"
            )
            raise BadPlaceError(
                f"{told}{kind}: CRMGRAPH_UPSTREAM_NETWORKS names those that may be called, e.g. {_EXAMPLE}"
            )
        if base.scheme == "http" and not ip.is_loopback:
            raise BadPlaceError(f"{base}: http is for the loopback interface alone")
    return addresses


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _named_by(ip: Address) -> Iterator[Address]:
    """An address, and those of version 4 to which it leads: mapped, by 6to4, by NAT64 (RFC 4291, 3056, 6052)."""
    yield ip
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            yield inner


def _may_be_called(ip: Address, allowed: Sequence[Network]) -> bool:
    if any(ip in network for network in allowed if network.version == ip.version):
        return True
    return ip.is_global and not ip.is_multicast


def read_networks(texts: Sequence[str]) -> list[Network]:
    """Networks as they are written, e.g. 10.1.0.0/16.

    Raises:
        ValueError: one is none.
    """
    return [ipaddress.ip_network(text) for text in texts]


def tls_of(base: Base) -> ssl.SSLContext | None:
    """How a connection is secured; None for http."""
    return ssl.create_default_context() if base.scheme == "https" else None
