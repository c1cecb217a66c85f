"""G7: `celery flower -A app.celery_app.celery_app`, and the modern word order."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.broker import Broker
from tests.support.commands import run_command
from tests.support.environment import child_environment
from tests.support.processes import Process, free_port, port_is_free, wait_until

LITERAL = ["celery", "flower", "-A", "app.celery_app.celery_app"]
MODERN = ["celery", "-A", "app.celery_app.celery_app", "flower"]
USER = ("watcher", "a pass:word, with signs")


class Flower:
    """Flower as a person starts it, in the clone's root."""

    def __init__(self, folder: Path, broker: Broker, words: list[str], **settings: str) -> None:
        self.port = free_port()
        self.env = child_environment(
            folder,
            CELERY_BROKER_URL=broker.url,
            CELERY_RESULT_BACKEND=broker.url,
            FLOWER_PORT=str(self.port),
            **settings,
        )
        program = Path(sys.executable).with_name(words[0])
        self.command = [str(program), *words[1:]]
        self.process = Process(self.command, env=self.env, output=folder / "flower.out")

    def get(self, path: str, auth: tuple[str, str] | None = None) -> httpx2.Response:
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}", auth=auth, timeout=10)

    def answers(self) -> bool:
        assert self.process.alive, self.process.tail()
        return not port_is_free(self.port)


@pytest.fixture(params=[LITERAL, MODERN], ids=["literal", "modern"])
def flower(request: pytest.FixtureRequest, broker: Broker, tmp_path: Path) -> Iterator[Flower]:
    running = Flower(
        tmp_path,
        broker,
        request.param,
        FLOWER_USER=USER[0],
        FLOWER_PASSWORD=USER[1],
        BROKER_KEY_PREFIX="seen-by-flower:",
    )
    wait_until(running.answers, timeout=20, what="Flower listens")
    yield running
    running.process.stop()


def test_g07_flower_asks_for_the_configured_user(flower: Flower) -> None:
    for path in ("/", "/api/tasks", "/api/workers", "/api/queues/length"):
        assert flower.get(path).status_code == 401, path
        assert flower.get(path, ("admin", "admin")).status_code == 401, path
        assert flower.get(path, USER).status_code == 200, path


def test_g07_flower_listens_on_loopback_only_and_uses_our_broker(
    flower: Flower, broker: Broker
) -> None:
    import redis

    client = redis.Redis.from_url(broker.url)
    wait_until(
        lambda: client.keys("seen-by-flower:_kombu.binding.celeryev*"),
        timeout=15,
        what="Flower has subscribed to events under our prefix",
    )
    client.close()
    assert "amqp://" not in flower.process.text()
    assert f"127.0.0.1:{flower.port}" in _listening(flower)


def _listening(flower: Flower) -> list[str]:
    import psutil

    return [
        f"{connection.laddr.ip}:{connection.laddr.port}"
        for connection in psutil.Process(flower.process.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


@pytest.mark.parametrize("words", [LITERAL, MODERN], ids=["literal", "modern"])
def test_g07_default_password_is_refused_where_others_can_reach_it(
    words: list[str], tmp_path: Path
) -> None:
    env = child_environment(tmp_path, FLOWER_PORT=str(free_port()))
    done = run_command([sys.executable, "-m", *words, "--address=0.0.0.0"], env, timeout=30)
    assert done.returncode != 0
    assert "admin/admin is refused on 0.0.0.0" in done.stderr
    assert "Traceback" not in done.stderr


def test_g07_a_password_from_the_command_line_is_looked_at_too(tmp_path: Path) -> None:
    env = child_environment(tmp_path, FLOWER_PORT=str(free_port()), FLOWER_PASSWORD="a good one")
    words = [*MODERN, "--address=0.0.0.0", "--basic-auth=watcher:admin"]
    done = run_command([sys.executable, "-m", *words], env, timeout=30)
    assert done.returncode != 0
    assert "watcher/admin is refused on 0.0.0.0" in done.stderr


def test_g07_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    env = child_environment(tmp_path, CELERY_TIMEZONE="Mars/Olympus")
    done = run_command([sys.executable, "-m", *LITERAL], env, timeout=30)
    assert done.returncode != 0
    assert "CELERY_TIMEZONE" in done.stderr
    assert "Traceback" not in done.stderr
