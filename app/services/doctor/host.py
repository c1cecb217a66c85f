"""This machine: directories, disk space, ports."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from app.core.config import Settings
from app.core.version import VERSION
from app.services.doctor.findings import Finding, ok, problem, warning

_MEBIBYTE = 1_048_576
LOW_BYTES = 1024 * _MEBIBYTE
FULL_BYTES = 100 * _MEBIBYTE
_PATIENCE_SECONDS = 3.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def check_host(settings: Settings) -> list[Finding]:
    """Everything that needs neither broker nor database."""
    findings = []
    for variable, path in (("DATA_DIR", settings.data_dir), ("LOG_DIR", settings.log_dir)):
        findings += [directory(variable, path), space(variable, path)]
    return [*findings, api_port(settings), flower_port(settings)]


def directory(variable: str, path: Path) -> Finding:
    """Whether files can be made there, and those that are there be written."""
    check = f"{variable} writable"
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return problem(
            check,
            f"{path.absolute()} cannot be written ({error.strerror})",
            f"make it writable for this user or set {variable} to a directory that is",
        )
    closed = [file.name for file in path.glob("*.log") if not os.access(file, os.W_OK)]
    if closed:
        return problem(
            check,
            f"{', '.join(sorted(closed))} in {path.absolute()} cannot be written",
            "give the files to this user (chown), or delete them",
        )
    return ok(check, str(path.absolute()))


def space(variable: str, path: Path, *, low: int = LOW_BYTES, full: int = FULL_BYTES) -> Finding:
    """Whether the disk has room. `low` and `full` are free bytes."""
    there = path.absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    check, found = f"{variable} disk space", f"{free / _MEBIBYTE:,.0f} MiB free"
    cure = f"free space on the disk of {there}, or move {variable} to another one"
    if free < full:
        return problem(check, found, cure)
    if free < low:
        return warning(check, found, cure)
    return ok(check, found)


def api_port(settings: Settings) -> Finding:
    """Who answers where the API should."""
    host = _ANY.get(settings.api_host, settings.api_host)
    address = f"{f'[{host}]' if ':' in host else host}:{settings.api_port}"
    status, body = _ask(f"http://{address}/health/live")
    if status == 0:
        return warning("api", f"nothing answers at {address}", "start it: make up")
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status == 200 and isinstance(answer, dict) and answer.get("status") == "ok":
        running = answer.get("version")
        if running != VERSION:
            found = f"version {running} runs at {address}, the code here is {VERSION}"
            return warning("api", found, "restart it")
        return ok("api", f"version {running} answers at {address}")
    return problem(
        "api",
        f"something else than this API answers at {address}",
        "stop it, or set API_PORT to a free port",
    )


def flower_port(settings: Settings) -> Finding:
    """Who answers where Flower should; it may be missing."""
    address = f"127.0.0.1:{settings.flower_port}"
    status, body = _ask(f"http://{address}/healthcheck")
    if status == 0:
        return ok("flower", f"not running at {address} (it need not)")
    if status == 200 and body.strip() == "OK":
        return ok("flower", f"answers at {address}")
    return warning(
        "flower",
        f"something else than Flower answers at {address}",
        "stop it, or set FLOWER_PORT to a free port",
    )


def _ask(url: str) -> tuple[int, str]:
    """Status and body; 0 when the connection is refused, -1 when the answer is no HTTP."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_PATIENCE_SECONDS) as response:
            return response.status, response.read(65_536).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, ""
    except urllib.error.URLError as error:
        return (0 if isinstance(error.reason, ConnectionRefusedError) else -1), ""
    except (OSError, ValueError):
        return -1, ""
    except Exception:  # noqa: BLE001 - http.client has a class for every way to be no HTTP
        return -1, ""
