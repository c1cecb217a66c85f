"""What `make up` finds on the machine: ports, a broker, a database to copy."""

from __future__ import annotations

import os
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis

from app.up import broker, migrate, ports
from app.up.broker import Address
from app.up.messages import Refusal
from app.up.process import Spec
from tests.support.broker import Broker
from tests.support.commands import run_command
from tests.support.environment import child_environment
from tests.support.processes import free_port, wait_until


def at(port: int, credentials: str = "", host: str = "127.0.0.1") -> Address:
    return Address.parse(f"redis://{credentials}{host}:{port}/0")


@contextmanager
def running(spec: Spec) -> Iterator[None]:
    """The server that `make up` would start, outside its supervisor."""
    with subprocess.Popen(spec.command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.fixture
def chatty_port() -> Iterator[int]:
    """A port on which something speaks another protocol."""

    class Chat(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"220 mail.example.com ESMTP\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Chat) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


# Ports


def test_a_taken_port_is_named_with_its_holder_and_the_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refusal) as refusal:
            ports.require_free("127.0.0.1", port, "API_PORT")
    said = str(refusal.value)
    assert f"Port {port} is taken by" in said
    assert f"pid {os.getpid()}" in said
    assert f"API_PORT={port + 1}" in said


def test_a_free_port_is_fine() -> None:
    ports.require_free("127.0.0.1", free_port(), "API_PORT")


@pytest.mark.parametrize(
    ("host", "says"), [("no.such.host.invalid", "API_HOST="), ("192.0.2.1", "cannot be listened")]
)
def test_an_address_that_is_not_of_this_machine_is_named(host: str, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        ports.require_free(host, free_port(), "API_PORT")


# The broker


def test_a_server_that_answers_is_used(broker_url: str) -> None:
    assert broker.ask(Address.parse(broker_url)) == "ready"


def test_a_silent_loopback_address_gets_a_server_that_keeps_messages(tmp_path: Path) -> None:
    address = at(free_port())
    assert broker.ask(address) == "silent"
    with running(broker.own_server(address, tmp_path)):
        wait_until(lambda: broker.ask(address) == "ready", timeout=10, what="it answers")
        client = redis.Redis.from_url(address.url, decode_responses=True)
        settings = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "bind")
        client.close()
    assert settings == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
    }
    assert (tmp_path / "broker" / "appendonlydir").is_dir()


@pytest.mark.parametrize("credentials", [":pass%20word%22@", "tasks:secret@"])
def test_a_password_in_the_url_is_the_servers_password(tmp_path: Path, credentials: str) -> None:
    address = at(free_port(), credentials)
    spec = broker.own_server(address, tmp_path)
    assert (tmp_path / "broker" / "broker.conf").stat().st_mode & 0o777 == 0o600
    assert not any(address.password in word for word in spec.command)
    with running(spec):
        wait_until(lambda: broker.ask(address) == "ready", timeout=10, what="it answers")
        with pytest.raises(Refusal, match="wants another password than CELERY_BROKER_URL has"):
            broker.ask(at(address.port))


def test_localhost_may_have_two_addresses(tmp_path: Path) -> None:
    address = at(free_port(), host="localhost")
    with running(broker.own_server(address, tmp_path)):
        wait_until(lambda: broker.ask(address) == "ready", timeout=10, what="it answers")
        assert broker.ask(at(address.port)) == "ready"


def test_something_else_on_the_port_is_named(chatty_port: int) -> None:
    with pytest.raises(Refusal, match=rf"listens on 127\.0\.0\.1:{chatty_port} by .* does not"):
        broker.ask(at(chatty_port))


def test_a_silent_server_elsewhere_cannot_be_started_here(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="that is another machine"):
        broker.own_server(at(6379, host="192.0.2.1"), tmp_path)


@pytest.mark.parametrize("url", ["amqp://localhost", "redis://localhost:x/0", "memory://"])
def test_another_kind_of_broker_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(Refusal, match="redis://localhost:6379/0"):
        Address.parse(url)


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(Refusal, match=r"the host 'no\.such\.host\.invalid'"):
        broker.ask(at(6379, host="no.such.host.invalid"))


def test_without_a_server_the_ways_to_one_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(broker, "_wheel_binary", lambda: None)
    with pytest.raises(Refusal, match=r"requirements-embedded\.txt"):
        broker.own_server(at(free_port()), tmp_path)


def test_a_left_behind_server_is_used_again(tmp_path: Path) -> None:
    left = Broker(tmp_path).start()
    try:
        assert broker.ask(Address.parse(left.url)) == "ready"
    finally:
        left.stop()


# The copy before a migration


def test_a_copy_holds_what_is_still_in_the_write_ahead_log(tmp_path: Path) -> None:
    source = tmp_path / "tasks.db"
    with closing(sqlite3.connect(source)) as open_still:
        open_still.execute("PRAGMA journal_mode=WAL")
        open_still.execute("CREATE TABLE t (x)")
        open_still.execute("INSERT INTO t VALUES (7)")
        open_still.commit()
        copy = migrate.back_up(source, tmp_path / "backups")
    with closing(sqlite3.connect(copy)) as read:
        assert read.execute("SELECT x FROM t").fetchall() == [(7,)]


def test_only_the_last_copies_are_kept(tmp_path: Path) -> None:
    source = tmp_path / "tasks.db"
    sqlite3.connect(source).close()
    copies = [migrate.back_up(source, tmp_path / "backups", kept=2) for _ in range(4)]
    assert sorted((tmp_path / "backups").iterdir()) == copies[-2:]


# A disk without room: whatever is written ends after 64 KiB.
_WITHOUT_ROOM = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
runpy.run_module("app.up.migrate", run_name="__main__")
"""


def test_without_room_for_the_copy_nothing_is_migrated(sqlite_url: str, tmp_path: Path) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE alembic_version SET version_num = '20261124_first'")
    env = child_environment(tmp_path, DATABASE_URL=sqlite_url)
    done = run_command([sys.executable, "-c", _WITHOUT_ROOM], env)
    assert done.returncode == 2, done.stderr
    assert "Free some space" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(Path(env["DATA_DIR"], "backups").iterdir()) == []
    with closing(sqlite3.connect(path)) as file:
        found = file.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found == ("20261124_first",)
