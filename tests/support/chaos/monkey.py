"""Random faults: kills, freezes and outages of everything that can be killed or frozen."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tests.support.chaos.faults import Kind
from tests.support.chaos.history import DATABASE_CRASH
from tests.support.chaos.scenario import Scenario
from tests.support.chaos.system import kind_of

MONKEYS = 2
PAUSE = (0.5, 4.0)
WORKERS = ("worker", "worker2")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that can be done to one part. Nobody else touches the part meanwhile."""

    name: str
    weight: float
    part: str
    act: Callable[[random.Random, str], None]


class Monkeys:
    """Two threads that do faults, each to parts that the other leaves alone."""

    def __init__(self, chaos: Scenario, seconds: float) -> None:
        self._chaos = chaos
        self._ends = time.monotonic() + seconds
        self._faults = self._all_faults()
        self._locks = {fault.part: threading.Lock() for fault in self._faults}
        self.done: Counter[str] = Counter()
        self.errors: list[str] = []
        self._finished = threading.Barrier(MONKEYS + 1)
        self._never = threading.Event()
        for number in range(MONKEYS):
            threading.Thread(target=self._live, args=(number,), daemon=True).start()

    def wait(self) -> None:
        """Until the time is over and everything that was ended runs again."""
        self._finished.wait()

    def _live(self, number: int) -> None:
        self._run(number)
        self._finished.wait()
        # What a thread has started gets its signal of the parent's death when the thread ends.
        self._never.wait()

    def _run(self, number: int) -> None:
        chance = random.Random(f"monkey {number}/{self._chaos.seed}")
        weights = [fault.weight for fault in self._faults]
        while time.monotonic() < self._ends:
            fault = chance.choices(self._faults, weights)[0]
            lock = self._locks[fault.part]
            if lock.acquire(blocking=False):
                try:
                    fault.act(chance, fault.part)
                    self.done[fault.name] += 1
                except Exception as error:  # noqa: BLE001 - told at the end; the run goes on
                    self.errors.append(f"{fault.name} ({fault.part}): {error!r}")
                finally:
                    lock.release()
            time.sleep(chance.uniform(*PAUSE))

    def _all_faults(self) -> list[Fault]:
        faults = [
            Fault("API killed", 3, "api", self._kill_and_restart),
            Fault("API restarted", 1, "api", self._restart),
            Fault("API frozen", 1, "api", self._freeze_part),
            Fault("beat killed", 1, "beat", self._kill_and_restart),
            Fault("broker killed", 2, "broker", self._kill_broker),
            Fault("broker killed and emptied", 2, "broker", self._kill_and_empty_broker),
            Fault("broker frozen", 1, "broker", self._freeze_broker),
        ]
        for worker in WORKERS:
            faults += [
                Fault("child killed", 4, worker, self._kill_child),
                Fault("child frozen", 1, worker, self._freeze_child),
                Fault("parent killed", 3, worker, self._kill_role("parent")),
                Fault("parent frozen", 1, worker, self._freeze_role("parent")),
                Fault("agent killed", 3, worker, self._kill_role("agent")),
                Fault("agent frozen", 1, worker, self._freeze_role("agent")),
                Fault("supervisor killed", 2, worker, self._kill_and_restart),
                Fault("worker restarted", 1.5, worker, self._restart),
                Fault("worker frozen", 1.5, worker, self._freeze_part),
            ]
        if self._chaos.database == "postgresql":
            faults += [
                Fault("PostgreSQL stopped at once", 3, "database", self._crash_postgres),
                Fault("PostgreSQL frozen", 1, "database", self._freeze_postgres),
            ]
        return faults

    # -- parts ------------------------------------------------------------------------------

    def _kill_and_restart(self, chance: random.Random, part: str) -> None:
        with self._chaos.fault(f"{part} killed", kind_of(part), part):
            self._chaos.kill_part(part)
            time.sleep(chance.uniform(0, 4))
            self._chaos.start_part(part)

    def _restart(self, chance: random.Random, part: str) -> None:
        with self._chaos.fault(f"{part} restarted", kind_of(part), part):
            self._chaos.stop_part(part)
            self._chaos.start_part(part)

    def _freeze_part(self, chance: random.Random, part: str) -> None:
        self._frozen(self._chaos.system.tree(part), chance.uniform(0.5, 8))

    # -- processes of a worker ------------------------------------------------------------------

    def _kill_child(self, chance: random.Random, part: str) -> None:
        if children := self._chaos.system.roles(part)["children"]:
            self._chaos.kill(chance.choice(children))

    def _freeze_child(self, chance: random.Random, part: str) -> None:
        if children := self._chaos.system.roles(part)["children"]:
            self._frozen([chance.choice(children)], chance.uniform(0.5, 6))

    def _kill_role(self, role: str) -> Callable[[random.Random, str], None]:
        def act(chance: random.Random, part: str) -> None:
            if pids := self._chaos.system.roles(part)[role]:
                self._chaos.kill(chance.choice(pids))

        return act

    def _freeze_role(self, role: str) -> Callable[[random.Random, str], None]:
        def act(chance: random.Random, part: str) -> None:
            if pids := self._chaos.system.roles(part)[role]:
                self._frozen([chance.choice(pids)], chance.uniform(0.5, 6))

        return act

    def _frozen(self, pids: list[int], seconds: float) -> None:
        self._chaos.freeze(*pids)
        time.sleep(seconds)
        if pids:
            self._chaos.thaw(*pids)

    # -- servers --------------------------------------------------------------------------------

    def _kill_broker(self, chance: random.Random, part: str) -> None:
        with self._chaos.fault("broker killed", Kind.BROKER):
            self._chaos.broker.kill()
            time.sleep(chance.uniform(0, 6))
            self._chaos.broker.start()

    def _kill_and_empty_broker(self, chance: random.Random, part: str) -> None:
        with self._chaos.fault("broker killed and emptied", Kind.BROKER):
            self._chaos.broker.kill()
            self._chaos.broker.empty()
            time.sleep(chance.uniform(0, 3))
            self._chaos.broker.start()

    def _freeze_broker(self, chance: random.Random, part: str) -> None:
        self._frozen([self._chaos.broker.pid], chance.uniform(0.5, 6))

    def _crash_postgres(self, chance: random.Random, part: str) -> None:
        with self._chaos.fault(DATABASE_CRASH, Kind.DATABASE):
            self._chaos.postgres.stop(signal.SIGQUIT)
            time.sleep(chance.uniform(0, 8))
            self._chaos.postgres.start()

    def _freeze_postgres(self, chance: random.Random, part: str) -> None:
        server = psutil.Process(self._chaos.postgres.pid)
        pids = [server.pid, *(child.pid for child in server.children(recursive=True))]
        self._frozen(pids, chance.uniform(0.5, 5))
