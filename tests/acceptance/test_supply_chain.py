"""What comes from others: locked with hashes, audited, and listed."""

from __future__ import annotations

import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from scripts import page, supply_chain
from scripts.supply_chain import LOCKS, NotAudited, read_report
from tests.support.commands import run_command
from tests.support.environment import bare_environment
from tests.support.processes import ROOT
from tests.support.rings import not_run

_PACKAGE = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)(?:\[.*?\])?==(?P<version>[^ ;\\]+)", re.M)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def _require(module: str) -> None:
    if find_spec(module) is None:
        not_run("what is locked (audit, list)", "make install ARGS=--dev")


def _locked(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Package -> version and hashes, as a lock file has them."""
    text = (ROOT / lock).read_text()
    starts = [*_PACKAGE.finditer(text)]
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return {
        start["name"]: (start["version"], set(_HASH.findall(text[start.start() : end])))
        for start, end in zip(starts, ends, strict=True)
    }


def _packages() -> set[str]:
    return {package for lock in LOCKS for package in _locked(lock)}


def test_every_lock_is_looked_after() -> None:
    assert sorted(LOCKS) == sorted(path.name for path in ROOT.glob("requirements*.txt"))
    for lock in LOCKS:
        assert all(hashes for _, hashes in _locked(lock).values()), lock


def test_npm_checks_what_it_installs() -> None:
    lock = json.loads((page.SOURCE / "package-lock.json").read_text())
    found = {name: each.get("integrity", "") for name, each in lock["packages"].items() if name}
    assert found
    assert [name for name, hashed in found.items() if not hashed.startswith("sha512-")] == []


# Known holes


def _report(*dependencies: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(dependencies), "fixes": []}


def test_a_known_hole_is_named_with_its_cure() -> None:
    hole = {"id": "PYSEC-1", "fix_versions": ["2.0", "1.9.1"], "aliases": [], "description": ""}
    good = {"name": "good", "version": "1.0", "vulns": []}
    bad = {"name": "bad", "version": "1.9", "vulns": [hole, {**hole, "fix_versions": []}]}
    assert read_report(_report(good)) == []
    assert read_report(_report(good, bad)) == [
        "bad 1.9: PYSEC-1, fixed in 2.0, 1.9.1",
        "bad 1.9: PYSEC-1, fixed in no version yet",
    ]


def test_what_the_service_does_not_know_is_not_taken_for_safe() -> None:
    skipped = {"name": "unknown", "skip_reason": "not found"}
    with pytest.raises(NotAudited, match=r"does not know 1 of them: unknown\)$"):
        read_report(_report(skipped))
    hole = {"id": "PYSEC-1", "fix_versions": []}
    bad = {"name": "bad", "version": "1.9", "vulns": [hole]}
    assert len(read_report(_report(skipped, bad))) == 1


def test_a_service_that_cannot_be_asked_is_said() -> None:
    # A program that fails, as pip-audit does then, and writes no report.
    with pytest.raises(NotAudited, match="let this machine reach the service"):
        supply_chain.holes(Path("/bin/false"), "requirements.txt")


def test_a_service_that_is_slow_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr(supply_chain, "AUDIT_SECONDS", 0.2)
    with pytest.raises(NotAudited, match=r"within 0\.2 s; run again later: make check"):
        supply_chain.holes(slow, "requirements.txt")


def test_pip_audit_understands_what_it_is_asked() -> None:
    _require("pip_audit")
    command = supply_chain.audit_command(Path(sys.executable), *LOCKS)
    done = run_command([*command, "--dry-run"], bare_environment())
    assert done.returncode == 0, done.stderr
    audited = re.search(r"would have audited (\d+) packages", done.stderr)
    assert audited is not None, done.stderr
    # Some are for other systems only.
    assert len(_locked("requirements-dev.txt")) < int(audited[1]) <= len(_packages()), done.stderr


# The list


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    _require("cyclonedx_py")
    folder = tmp_path_factory.mktemp("sbom")
    try:
        supply_chain.list_all(Path(sys.executable), folder)
    except page.NotBuilt as reason:
        not_run("the list of the page's packages", f"make page ({reason})")
    return folder


def _components(path: Path) -> list[dict[str, Any]]:
    document = json.loads(path.read_text())
    assert document["bomFormat"] == "CycloneDX"
    return list(document["components"])


@pytest.mark.parametrize("lock", LOCKS)
def test_the_list_has_every_package_with_its_hashes(listed: Path, lock: str) -> None:
    found = {}
    for each in _components(listed / f"sbom-{Path(lock).stem}.cdx.json"):
        references = each["externalReferences"]
        hashes = {h["content"] for ref in references for h in ref.get("hashes", ())}
        found[each["name"]] = each["version"], hashes
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
    assert found == _locked(lock)


def test_the_list_has_every_package_of_the_page(listed: Path) -> None:
    lock = json.loads((page.SOURCE / "package-lock.json").read_text())
    wanted = {name.rpartition("node_modules/")[2] for name in lock["packages"] if name}
    components = _components(listed / "sbom-page.cdx.json")
    found = {f"{each.get('group', '')}/{each['name']}".lstrip("/") for each in components}
    assert found == wanted
    assert all(each["hashes"] for each in components)


@pytest.mark.parametrize("name", ["requirements-embedded", "page"])
def test_the_list_is_what_its_schema_says(listed: Path, name: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = (listed / f"sbom-{name}.cdx.json").read_text()
    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    assert JsonStrictValidator(version).validate_str(text) is None


def test_the_list_is_the_same_again(
    listed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supply_chain, "LOCKS", ("requirements-embedded.txt",))
    again = supply_chain.list_all(Path(sys.executable), tmp_path)
    assert len(again) == 2
    for path in again:
        assert path.read_bytes() == (listed / path.name).read_bytes(), path.name
        assert str(ROOT) not in path.read_text()
