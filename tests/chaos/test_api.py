"""The API is killed in the middle of requests; whoever repeats them gets one task a key."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.chaos.history import Call
from tests.support.chaos.scenario import Scenario

KILLS = 50
CLIENTS = 4


class Client:
    """Repeats one submission under one key until it is answered, as it should."""

    def __init__(self, chaos: Scenario, key: str) -> None:
        self._chaos = chaos
        self.key = key
        self.answers: list[Call] = []

    def ask(self) -> Call:
        """One try."""
        call = self._chaos.post("short", self._chaos.log, key=self.key, name=self.key, timeout=5)
        if call.accepted:
            self.answers.append(call)
        return call

    def ask_until_answered(self) -> None:
        """Try for half a minute."""
        deadline = time.monotonic() + 30
        while not self.ask().accepted:
            assert time.monotonic() < deadline, f"{self.key} was never answered"
            time.sleep(0.1)  # a client's pause between two tries


# Fifty starts of the API take their time on a busy machine.
@pytest.mark.timeout(900)
@pytest.mark.scenario("R11")
def test_the_api_dies_in_the_middle_of_submissions(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    clients: list[Client] = []
    with ThreadPoolExecutor(CLIENTS) as pool:
        for number in range(KILLS):
            asking = [Client(chaos, f"key-{number}-{each}") for each in range(CLIENTS)]
            clients += asking
            killer = threading.Timer(
                chaos.random.uniform(0.0, 0.03), lambda: chaos.kill_part("api")
            )
            killer.start()
            list(pool.map(Client.ask, asking))
            killer.join()
            chaos.start_part("api")
            chaos.stack.wait_ready()
            list(pool.map(Client.ask_until_answered, asking))
            list(pool.map(Client.ask, asking))  # once more: it must be a replay
    tasks = chaos.finish()
    rows = Counter(task["name"] for task in tasks.values())
    for client in clients:
        assert rows[client.key] == 1, (client.key, rows[client.key])
        assert len({call.answer["id"] for call in client.answers}) == 1
        assert client.answers[-1].status == 200, "a replay is not a creation"
    assert any(call.status is None for call in chaos.recorder.calls), "no kill hit a request"
