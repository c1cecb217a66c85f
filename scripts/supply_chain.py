"""What comes from others: known holes in the locked packages, and documents that list them all.

The tools are those of requirements-dev.txt and npm; this file uses the standard library alone.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.core.version import VERSION
from scripts import page
from scripts.environment import ROOT, clean_environ

LOCKS = (
    "requirements.txt",
    "requirements-embedded.txt",
    "requirements-page.txt",
    "requirements-otel.txt",
    "requirements-dev.txt",
)
# Known holes that do not concern us: their identifier and the reason.
ACCEPTED: Mapping[str, str] = {}
# It asks for one package after the other. Whoever waits for `make check` waits no longer for that.
AUDIT_SECONDS = 60.0
# What differs from one run to the next.
_RANDOM = ("serialNumber",)


class NotAudited(Exception):
    """Why nothing can be said about a lock; the text says what to do about it."""


class NotListed(Exception):
    """Why there is no list; the text is the tool's own."""


def holes(python: Path, *locks: str) -> list[str]:
    """Known vulnerabilities of what lock files pin for this system, a line each.

    Asks the service that publishes them, for each package. Raises `NotAudited`.
    """
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        report = Path(folder) / "report.json"
        command = [*audit_command(python, *locks), "--format=json", f"--output={report}"]
        try:
            done = _run(command, AUDIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise NotAudited(
                f"the service has not answered for all packages within {AUDIT_SECONDS:g} s; run "
                "again later: make check"
            ) from None
        if not report.is_file() or not report.stat().st_size:
            said = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
            raise NotAudited(
                f"let this machine reach the service that pip-audit asks, and run: make check ({said})"
            )
        return read_report(json.loads(report.read_text()))


def audit_command(python: Path, *locks: str) -> list[str]:
    """The command that audits locks. Nothing is resolved or installed: all of it is pinned."""
    command = [str(python), "-m", "pip_audit", "--require-hashes", "--disable-pip"]
    command += ["--progress-spinner=off", "--desc=off", "--timeout=10"]
    command += (f"--requirement={ROOT / lock}" for lock in locks)
    return [*command, *(f"--ignore-vuln={name}" for name in ACCEPTED)]


def read_report(report: Mapping[str, Any]) -> list[str]:
    """The vulnerabilities of a report. Raises `NotAudited` if it leaves packages out."""
    found, skipped = [], []
    for each in report["dependencies"]:
        if "skip_reason" in each:
            skipped.append(each["name"])
        for hole in each.get("vulns", ()):
            cure = ", ".join(hole["fix_versions"]) or "no version yet"
            found.append(f"{each['name']} {each['version']}: {hole['id']}, fixed in {cure}")
    if skipped and not found:
        names = ", ".join(skipped[:5]) + (", ..." if len(skipped) > 5 else "")
        raise NotAudited(
            f"let this machine reach PyPI itself, and run: make check "
            f"(what answers does not know {len(skipped)} of them: {names})"
        )
    return found


def list_all(python: Path, folder: Path) -> list[Path]:
    """Write a CycloneDX document for each lock, and one for the page's; the same for the same locks.

    Raises `NotListed`, and `page.NotBuilt` where there is no npm.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [_list(python, lock, folder) for lock in LOCKS]
    target = folder / "sbom-page.cdx.json"
    _write(target, page.packages(VERSION))
    return [*written, target]


def _list(python: Path, lock: str, folder: Path) -> Path:
    target = folder / f"sbom-{Path(lock).stem}.cdx.json"
    command = [str(python), "-m", "cyclonedx_py", "requirements", str(ROOT / lock)]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"]
    # Looked at against its schema by the tests, as it is in the end, and not by each run.
    command += ["--output-format", "JSON", "--spec-version", "1.6", "--no-validate"]
    done = _run(command)
    if done.returncode:
        raise NotListed(f"{lock} could not be listed: {done.stderr.strip()[-1000:]}")
    _write(target, json.loads(done.stdout))
    return target


def _write(target: Path, document: dict[str, Any]) -> None:
    for name in _RANDOM:
        document.pop(name, None)
    document.get("metadata", {}).pop("timestamp", None)
    target.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def _run(command: Sequence[str], seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
