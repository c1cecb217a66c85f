"""What the results were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil

from tests.support.broker import broker_binary
from tests.support.postgres import postgres_binaries

_PACKAGES = (
    "celery", "kombu", "redis", "flower", "fastapi", "uvicorn", "sqlalchemy", "psycopg", "psutil",
)  # fmt: skip
_FLUSHES = 200
_STEPS = 1_000_000


def describe(folder: Path) -> dict[str, Any]:
    """The machine and the versions. `folder` is on the disk that the databases use.

    The peers' versions stand in the names of their systems.
    """
    import sqlite3

    return {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "flush_ms": flush_ms(folder),
        "python_million_steps_ms": steps_ms(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _first_line(str(postgres_binaries() / "postgres"), "--version"),
        "broker": _first_line(broker_binary(), "--version"),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def flush_ms(folder: Path) -> float:
    """Median milliseconds in which the disk takes 4 KiB for certain."""
    taken = []
    handle = os.open(folder / "flush", os.O_WRONLY | os.O_CREAT)
    try:
        for _ in range(_FLUSHES):
            os.write(handle, bytes(4096))
            started = time.perf_counter()
            os.fsync(handle)
            taken.append(time.perf_counter() - started)
    finally:
        os.close(handle)
    return round(1000 * sorted(taken)[_FLUSHES // 2], 3)


def steps_ms() -> float:
    """Milliseconds of one core for a loop of a million additions: what a rate is to be read by.

    Virtual machines of the same name differ by a factor, and from one hour to the next.
    """
    taken = []
    for _ in range(5):
        started = time.process_time()
        total = 0
        for step in range(_STEPS):
            total += step
        taken.append(time.process_time() - started)
    return round(1000 * sorted(taken)[2], 1)


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _first_line(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
