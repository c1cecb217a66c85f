"""G3: the example with more of each, read by `docker-compose config` on top of the file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.services.catalogue import catalogue
from tests.support.compose import MOVE, SCALE, Compose, beside_two_lines

# docs/en/operations.md, section 5.
API_CONNECTIONS, SLOT_CONNECTIONS, AGENT_CONNECTIONS = 45, 3, 10


@pytest.fixture
def scaled(tmp_path: Path) -> Compose:
    return beside_two_lines(tmp_path, SCALE)


def _workers(compose: Compose) -> dict[str, dict[str, Any]]:
    return {
        name: service
        for name, service in compose["services"].items()
        if "scripts.celery_worker" in (service.get("command") or ())
    }


def test_g03_the_example_has_more_of_each(scaled: Compose) -> None:
    replicas = {
        name: service["deploy"]["replicas"]
        for name, service in scaled["services"].items()
        if "replicas" in service.get("deploy", {})
    }
    assert replicas == {"worker": 2, "worker-reserved": 1, "beat": 2}
    assert set(_workers(scaled)) == {"worker", "worker-reserved"}


def test_g03_a_reserved_worker_is_like_the_others_but_for_its_queue(scaled: Compose) -> None:
    workers = _workers(scaled)
    command = workers["worker-reserved"]["command"]
    assert command[:3] == workers["worker"]["command"]
    assert command[command.index("--queues") + 1] in catalogue().queues
    for same in ("image", "read_only", "cap_drop", "depends_on", "stop_grace_period", "volumes"):
        assert workers["worker-reserved"][same] == workers["worker"][same], same


def test_g03_what_goes_on_has_limits(scaled: Compose) -> None:
    once = {"secrets", "migrate"}
    for name in set(scaled["services"]) - once:
        limits = scaled["services"][name]["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory"}, name


def test_g03_the_database_has_connections_for_all(scaled: Compose) -> None:
    wanted = API_CONNECTIONS
    for worker in _workers(scaled).values():
        slots = int(worker["environment"]["CELERY_WORKER_CONCURRENCY"])
        each = slots * SLOT_CONNECTIONS + AGENT_CONNECTIONS
        wanted += worker["deploy"]["replicas"] * each
    setting = scaled["services"]["postgres"]["command"][-1]
    assert setting.startswith("max_connections=")
    assert wanted < int(setting.partition("=")[2])


def test_g03_while_it_is_moved_into_the_database_is_within_reach_of_this_machine_alone(
    tmp_path: Path,
) -> None:
    services = beside_two_lines(tmp_path, MOVE)["services"]
    (port,) = services["postgres"]["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "5433", 5432)
    assert not [name for name in ("broker", "migrate") if services[name].get("ports")]
