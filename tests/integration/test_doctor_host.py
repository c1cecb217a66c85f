"""Doctor and this machine: directories, disk, ports, secrets."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.config import Settings
from app.core.version import VERSION
from app.services.doctor import diagnose
from app.services.doctor.findings import Level
from app.services.doctor.host import api_port, directory, flower_port, space
from app.services.doctor.secrets import api_address, broker_login, flower, secret_key
from tests.support.environment import use_settings
from tests.support.processes import free_port


@pytest.fixture
def settings(clean_settings: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    return use_settings(
        clean_settings, data_dir=tmp_path / "d", api_port=free_port(), flower_port=free_port()
    )


@contextmanager
def answering(port: int, body: bytes) -> Iterator[None]:
    """An HTTP server that says `body` to everybody."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with http.server.HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_log_dir_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finding = directory("LOG_DIR", tmp_path / "file" / "logs")
    assert finding.level is Level.PROBLEM
    assert "LOG_DIR" in finding.cure


def test_usable_directory_is_fine(tmp_path: Path) -> None:
    assert directory("LOG_DIR", tmp_path / "logs").level is Level.OK


def test_full_disk_is_a_problem_and_a_nearly_full_one_a_warning(tmp_path: Path) -> None:
    everything = 2**62
    assert space("DATA_DIR", tmp_path, full=everything).level is Level.PROBLEM
    assert space("DATA_DIR", tmp_path, low=everything, full=0).level is Level.WARNING
    assert space("DATA_DIR", tmp_path / "not" / "made", low=0, full=0).level is Level.OK


def test_silent_api_is_a_warning(settings: Settings) -> None:
    finding = api_port(settings)
    assert finding.level is Level.WARNING
    assert "make up" in finding.cure


def test_api_that_answers_is_fine(settings: Settings) -> None:
    body = f'{{"status": "ok", "version": "{VERSION}"}}'
    with answering(settings.api_port, body.encode()):
        assert api_port(settings).level is Level.OK


def test_api_of_another_version_is_named(settings: Settings) -> None:
    with answering(settings.api_port, b'{"status": "ok", "version": "0.1"}'):
        finding = api_port(settings)
    assert finding.level is Level.WARNING
    assert "version 0.1 runs" in finding.found


@pytest.mark.parametrize("body", [b"hello", b'{"status": "up"}', b"[]"])
def test_another_server_on_the_apis_port_is_a_problem(settings: Settings, body: bytes) -> None:
    with answering(settings.api_port, body):
        finding = api_port(settings)
    assert finding.level is Level.PROBLEM
    assert "API_PORT" in finding.cure


def test_a_port_that_speaks_no_http_is_a_problem(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.api_port)) as listener:

        def insult() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"-ERR\r\n")

        thread = threading.Thread(target=insult)
        thread.start()
        assert api_port(settings).level is Level.PROBLEM
        thread.join()


def test_flower_may_be_missing_but_not_somebody_else(settings: Settings) -> None:
    assert flower_port(settings).level is Level.OK
    with answering(settings.flower_port, b"OK"):
        assert flower_port(settings).level is Level.OK
    with answering(settings.flower_port, b"hello"):
        assert flower_port(settings).level is Level.WARNING


def test_default_flower_password_is_named(
    clean_settings: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert flower(settings).level is Level.WARNING
    assert "FLOWER_PASSWORD" in flower(settings).cure
    assert flower(use_settings(clean_settings, flower_password="x")).level is Level.OK


def test_default_flower_password_on_an_open_address_is_a_problem(
    clean_settings: pytest.MonkeyPatch, settings: Settings
) -> None:
    opened = use_settings(clean_settings, api_host="0.0.0.0")
    assert flower(opened).level is Level.PROBLEM
    assert api_address(opened).level is Level.WARNING


def test_generated_key_is_fine_until_others_can_read_it(settings: Settings) -> None:
    assert secret_key(settings).level is Level.OK
    (settings.data_dir / "secret_key").chmod(0o644)
    assert secret_key(settings).level is Level.WARNING


def test_short_key_is_named(clean_settings: pytest.MonkeyPatch, settings: Settings) -> None:
    finding = secret_key(use_settings(clean_settings, secret_key="short"))
    assert finding.level is Level.WARNING
    assert "SECRET_KEY" in finding.found


def test_broker_elsewhere_without_a_password_is_named(
    clean_settings: pytest.MonkeyPatch, settings: Settings
) -> None:
    url = "redis://broker.example:6379/0"
    finding = broker_login(use_settings(clean_settings, celery_broker_url=url))
    assert finding.level is Level.WARNING


def test_settings_that_cannot_be_used_are_the_only_finding(
    clean_settings: pytest.MonkeyPatch, settings: Settings
) -> None:
    clean_settings.setenv("APP_ENV", "production")
    use_settings_fails(clean_settings)
    (finding,) = diagnose()
    assert finding.level is Level.PROBLEM
    assert "SECRET_KEY" in finding.found
    assert "FLOWER_PASSWORD" in finding.found


def use_settings_fails(patch: pytest.MonkeyPatch) -> None:
    from tests.support.environment import forget_settings

    with pytest.raises(Exception, match="production"):
        use_settings(patch)
    forget_settings()
