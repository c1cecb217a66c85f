"""The broker: reachable, writable, recent enough, and set up to keep what it is given."""

from __future__ import annotations

from typing import Any, cast

import redis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from app.core.broker import sync_client
from app.core.config import Settings, masked_url
from app.services import dead
from app.services.doctor.findings import Finding, ok, problem, warning

# The oldest release of each series without a known hole. A series that is not named here is no
# longer mended when it is older than the newest one named, and fine when it is newer.
FLOORS: dict[str, dict[tuple[int, int], tuple[int, int, int]]] = {
    "Redis": {(7, 4): (7, 4, 9), (8, 2): (8, 2, 6), (8, 4): (8, 4, 3)},
    "Valkey": {(8, 1): (8, 1, 9), (9, 0): (9, 0, 5), (9, 1): (9, 1, 1)},
}
_FULL = 0.9
_LOCAL = ("localhost", "127.0.0.1", "::1")

Info = dict[str, Any]


def check_broker(settings: Settings) -> list[Finding]:
    """Everything about the broker; only the first finding when it cannot be asked."""
    client = sync_client()
    where = masked_url(settings.celery_broker_url)
    try:
        info = client.info()
    except (RedisError, OSError) as error:
        return [unavailable(where, error)]
    return [
        ok("broker", f"{where} answers"),
        version(info),
        writable(client, settings.broker_key_prefix),
        persistence(info, saves=_setting(client, "save")),
        eviction(info),
        memory(info),
        dead_messages(dead.count()),
    ]


def unavailable(where: str, error: Exception) -> Finding:
    """Why it cannot be asked anything."""
    if isinstance(error, BusyLoadingError):
        return warning("broker", f"{where} is still loading its data", "wait; then ask again")
    if isinstance(error, NoPermissionError | AuthenticationError) or "NOAUTH" in str(error):
        return problem(
            "broker",
            f"{where} refuses the login ({error})",
            "put the right user and password into CELERY_BROKER_URL: redis://user:password@host/0",
        )
    if isinstance(error, ResponseError):
        return problem("broker", f"{where} answers {error}", "correct CELERY_BROKER_URL")
    local = any(f"//{name}" in where or f"@{name}" in where for name in _LOCAL)
    start = "`make up` starts one there, or start it yourself" if local else "start it"
    return problem(
        "broker",
        f"{where} does not answer ({error})",
        f"{start}, or correct CELERY_BROKER_URL; tasks are accepted meanwhile and run afterwards",
    )


def version(info: Info) -> Finding:
    """Whether the server's release has known holes."""
    name, text = _product(info)
    numbers = tuple(int(part) for part in text.split("-")[0].split(".")[:3] if part.isdigit())
    floors = FLOORS[name]
    floor = floors.get(cast("tuple[int, int]", numbers[:2]))
    newest = max(floors.values())
    shown = ".".join(map(str, floor or newest))
    if (floor and numbers < floor) or (floor is None and numbers < newest):
        return warning(
            "broker version",
            f"{name} {text} has known security holes",
            f"upgrade it to {name} {shown} or newer",
        )
    return ok("broker version", f"{name} {text}")


def writable(client: redis.Redis, prefix: str) -> Finding:
    """Whether it takes a write now: a replica, a full one and one that cannot save do not."""
    try:
        client.set(f"{prefix}doctor", "1", ex=1)
    except ResponseError as error:
        text = str(error)
        cure = "look into the server's log"
        if "OOM" in text or "maxmemory" in text:
            cure = "raise its maxmemory (CONFIG SET maxmemory ...) or free memory"
        elif "replica" in text:
            cure = "point CELERY_BROKER_URL at the primary"
        elif "MISCONF" in text:
            cure = "free the disk that it saves to; until then it refuses every write"
        return problem("broker writes", f"a write is refused: {text}", cure)
    except (RedisError, OSError) as error:
        return problem("broker writes", f"a write fails: {error}", "look into the server's log")
    return ok("broker writes", "a write is accepted")


def persistence(info: Info, saves: str | None) -> Finding:
    """Whether a restart of the broker keeps its contents. `saves` None: could not be asked."""
    if info.get("aof_enabled"):
        return ok("broker persistence", "the append-only file is on")
    if saves:
        return ok("broker persistence", f"snapshots (save {saves}), no append-only file")
    unknown = " and its snapshots cannot be seen" if saves is None else " and save is empty"
    return warning(
        "broker persistence",
        f"appendonly is off{unknown}: a restart empties it",
        "no task is lost, the database has them and hands them out again, but that takes a "
        "moment: set `appendonly yes` (CONFIG SET appendonly yes, and in its configuration)",
    )


def eviction(info: Info) -> Finding:
    """Whether it may throw messages away when memory is short."""
    policy = str(info.get("maxmemory_policy", "noeviction"))
    limit = int(info.get("maxmemory", 0))
    if policy == "noeviction":
        return ok("broker eviction", "noeviction")
    cure = (
        "set maxmemory-policy to noeviction (CONFIG SET maxmemory-policy noeviction, and in its "
        "configuration)"
    )
    if limit:
        return problem(
            "broker eviction",
            f"maxmemory-policy is {policy} with {_mebibytes(limit)}: messages are thrown away "
            "when memory is short",
            cure,
        )
    return warning("broker eviction", f"maxmemory-policy is {policy} (no maxmemory is set)", cure)


def memory(info: Info) -> Finding:
    """Whether it is nearly full: a worker that reads from a full broker dies."""
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit and used > _FULL * limit:
        return problem(
            "broker memory",
            f"{_mebibytes(used)} of {_mebibytes(limit)} are used",
            "raise its maxmemory (CONFIG SET maxmemory ...) or move other users of it elsewhere",
        )
    return ok("broker memory", _mebibytes(used) + (f" of {_mebibytes(limit)}" if limit else ""))


def dead_messages(count: int) -> Finding:
    """Whether somebody sends what no worker can use."""
    if count == 0:
        return ok("dead messages", "none")
    return warning(
        "dead messages",
        f"{count} malformed or unknown messages were kept aside; no task is lost with them",
        "see who sends them: taskctl dead list; then forget them: taskctl dead clear",
    )


def _product(info: Info) -> tuple[str, str]:
    if "valkey_version" in info:
        return "Valkey", str(info["valkey_version"])
    return "Redis", str(info.get("redis_version", "0"))


def _setting(client: redis.Redis, name: str) -> str | None:
    try:
        values = cast("dict[str, str]", client.config_get(name))
    except (RedisError, OSError):
        # Hosted servers do not allow CONFIG.
        return None
    return values.get(name)


def _mebibytes(count: int) -> str:
    return f"{count / 1_048_576:.0f} MiB"
