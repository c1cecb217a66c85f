"""Which addresses the system may call on somebody's behalf. Pure: names are resolved elsewhere.

Whoever registers a URL has this machine call it, from within its network. So nothing is called but
public addresses, and those that the configuration allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label is no number in any spelling: 127.1, 0x7f.1 and 2130706433 are addresses to some.
_NAME = re.compile(rf"({_LABEL}\.)*(?!\d+$|0x[0-9a-f]*$){_LABEL}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")

# Everything that is not public, by the registries of IANA; said here once more because `is_global`
# differs between versions of Python.
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            # Of IPv6 only 2000::/3 is public, and of that neither Teredo and its neighbours,
            # nor examples, nor 6to4, which holds an address of IPv4.
            "::/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
            "4000::/2", "8000::/1",
        ),
    )
)  # fmt: skip
# Addresses of IPv4 in other clothes: what they stand for is what counts.
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")


class Refused(ValueError):
    """The address is not called; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL names. `host` is in lower case and has no brackets."""

    scheme: str
    host: str
    port: int

    @property
    def literal(self) -> Address | None:
        """The address, where the host is one and not a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def header(self) -> str:
        """The value of the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, *, allow_http: bool) -> Target:
    """Take a URL apart. Raises `Refused` for one that is odd in any way."""
    if len(url) > MAX_URL or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise Refused(
            f"The URL should have at most {MAX_URL} visible ASCII characters, others escaped"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("The URL cannot be read; write https://host/path") from None
    _require_scheme(parts.scheme, allow_http=allow_http)
    if "@" in parts.netloc:
        raise Refused("The URL should hold no user and password; the signature says who calls")
    if "#" in url:
        raise Refused("The URL should have no fragment (#...), which is never sent")
    if port is None:
        port = _DEFAULT_PORTS[parts.scheme]
    if port not in _DEFAULT_PORTS.values() and port < 1024:
        raise Refused("The port should be 80, 443 or 1024 to 65535")
    host = parts.hostname or ""
    if not _is_plain(host, bracketed="[" in parts.netloc):
        raise Refused(
            "The host should be a name in ASCII without a dot at its end, or an address written "
            "as 192.0.2.1 or [2001:db8::1]"
        )
    return Target(parts.scheme, host, port)


def _require_scheme(scheme: str, *, allow_http: bool) -> None:
    if scheme not in _DEFAULT_PORTS:
        raise Refused("The URL should begin with https://")
    if scheme == "http" and not allow_http:
        raise Refused(
            "The URL should begin with https://; http is allowed in development, or by "
            "WEBHOOK_ALLOW_HTTP"
        )


def _is_plain(host: str, *, bracketed: bool) -> bool:
    """One host has one spelling here, so that nobody else can read another one out of it."""
    try:
        address = ip_address(host)
    except ValueError:
        return not bracketed and len(host) <= 253 and _NAME.fullmatch(host) is not None
    return "%" not in host and bracketed == isinstance(address, IPv6Address)


def require_allowed(address: Address, allowed: Iterable[Network] = ()) -> None:
    """Raises `Refused` for an address that is not public, unless it is in one of `allowed`."""
    meant = _meant(address)
    if any(each in network for network in allowed for each in {address, meant}):
        return
    if any(meant in network for network in _NOT_PUBLIC):
        raise Refused(
            f"{address} is not a public address; an administrator can allow its network with "
            "WEBHOOK_ALLOWED_NETWORKS"
        )


def _meant(address: Address) -> Address:
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
