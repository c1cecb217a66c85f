"""Doctor and the broker: every fault is a real one, on a server of these tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.core.config import Settings
from app.services.doctor.broker import check_broker, eviction, version
from app.services.doctor.findings import Finding, Level
from tests.support.broker import Broker
from tests.support.environment import use_settings


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    server = Broker(tmp_path_factory.mktemp("doctor-broker")).start()
    yield server
    # Switching the append-only file on has it rewritten, and a gentle stop waits for that.
    server.kill()


@pytest.fixture
def server(own_broker: Broker) -> Iterator[redis.Redis]:
    """A running server as the project recommends it, put right again afterwards."""
    if not own_broker.answers():
        own_broker.start()
    with redis.Redis.from_url(own_broker.url) as client:
        yield client
        for name, value in (
            ("maxmemory", 0),
            ("maxmemory-policy", "noeviction"),
            ("appendonly", "yes"),
            ("save", ""),
            ("requirepass", ""),
        ):
            client.config_set(name, value)


@pytest.fixture
def settings(clean_settings: pytest.MonkeyPatch, own_broker: Broker, tmp_path: Path) -> Settings:
    return use_settings(clean_settings, celery_broker_url=own_broker.url, data_dir=tmp_path)


def found(settings: Settings, check: str) -> Finding:
    return {finding.check: finding for finding in check_broker(settings)}[check]


def test_recommended_broker_is_fine(server: redis.Redis, settings: Settings) -> None:
    assert {finding.level for finding in check_broker(settings)} == {Level.OK}


def test_stopped_broker_is_named_with_the_cure(own_broker: Broker, settings: Settings) -> None:
    own_broker.kill()
    (finding,) = check_broker(settings)
    assert finding.level is Level.PROBLEM
    assert own_broker.url in finding.found
    assert "make up" in finding.cure
    assert "CELERY_BROKER_URL" in finding.cure


def test_wrong_password_is_named(server: redis.Redis, settings: Settings) -> None:
    server.config_set("requirepass", "secret")
    (finding,) = check_broker(settings)
    assert finding.level is Level.PROBLEM
    assert "refuses the login" in finding.found
    assert "password" in finding.cure


def test_broker_without_persistence_is_named(server: redis.Redis, settings: Settings) -> None:
    server.config_set("appendonly", "no")
    finding = found(settings, "broker persistence")
    assert finding.level is Level.WARNING
    assert "appendonly yes" in finding.cure


def test_snapshots_alone_are_accepted(server: redis.Redis, settings: Settings) -> None:
    server.config_set("appendonly", "no")
    server.config_set("save", "3600 1")
    assert found(settings, "broker persistence").level is Level.OK


def test_evicting_policy_is_named(server: redis.Redis, settings: Settings) -> None:
    server.config_set("maxmemory-policy", "allkeys-lru")
    assert found(settings, "broker eviction").level is Level.WARNING
    server.config_set("maxmemory", "500mb")
    finding = found(settings, "broker eviction")
    assert finding.level is Level.PROBLEM
    assert "allkeys-lru" in finding.found
    assert "noeviction" in finding.cure


def test_full_broker_is_named(server: redis.Redis, settings: Settings) -> None:
    server.config_set("maxmemory", "1kb")
    assert found(settings, "broker memory").level is Level.PROBLEM
    finding = found(settings, "broker writes")
    assert finding.level is Level.PROBLEM
    assert "maxmemory" in finding.cure


def test_replica_is_named(server: redis.Redis, settings: Settings) -> None:
    server.replicaof("127.0.0.1", "1")
    try:
        finding = found(settings, "broker writes")
    finally:
        server.replicaof("NO", "ONE")
    assert finding.level is Level.PROBLEM
    assert "primary" in finding.cure


@pytest.mark.parametrize(
    ("info", "level"),
    [
        ({"redis_version": "7.4.8"}, Level.WARNING),
        ({"redis_version": "7.4.9"}, Level.OK),
        ({"redis_version": "6.2.14"}, Level.WARNING),
        ({"redis_version": "8.0.9"}, Level.WARNING),
        ({"redis_version": "8.6.0"}, Level.OK),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.0"}, Level.WARNING),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.1"}, Level.OK),
        ({"redis_version": "7.2.4", "valkey_version": "10.0.0"}, Level.OK),
    ],
)
def test_release_with_known_holes_is_named(info: dict[str, str], level: Level) -> None:
    assert version(info).level is level


def test_server_that_does_not_tell_its_policy_is_not_accused() -> None:
    assert eviction({}).level is Level.OK
