"""A scenario: a running system, faults, and a history that is judged at the end."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy.exc import SQLAlchemyError

from tests.support.broker import Broker
from tests.support.chaos.checker import check
from tests.support.chaos.dump import dump
from tests.support.chaos.faults import Kind
from tests.support.chaos.history import Call, Facts, FaultSpan, History, Look
from tests.support.chaos.identity import Identity
from tests.support.chaos.looks import Looker
from tests.support.chaos.proxy import TcpProxy
from tests.support.chaos.recorder import Recorder, Watcher
from tests.support.chaos.system import System, WorkerPids
from tests.support.chaos.tasks import BURST, DEADLY, NAMES
from tests.support.effects import EffectLog
from tests.support.postgres import Postgres
from tests.support.processes import ROOT, Process
from tests.support.stack import FINISHED, TASKS, Stack

CHAOS_TASKS = "tests.support.chaos.tasks."
# Where histories of failed scenarios are kept.
KEPT = ROOT / ".data" / "chaos"
THREADS = 8
WHOLE_SECONDS = 10.0
MODULES = "tests.support.tasks,tests.support.chaos.tasks"


class Scenario:
    """What a test does with the system, and what it sees of it. Ends with `finish`."""

    def __init__(
        self,
        identity: Identity,
        folder: Path,
        database_url: str,
        broker: Broker,
        postgres: Postgres | None,
    ) -> None:
        self.identity = identity
        self.seed = identity.seed
        self.random = random.Random(f"{identity.scenario}/{identity.seed}")
        self.database = identity.database
        self.broker = broker
        self._postgres = postgres
        self.effects = EffectLog(folder / "effects.log")
        self.folder = folder
        self._database_url = database_url
        self._started = False
        self._looks: list[Look] = []
        self.kept_by_checker = False
        self.keeps_always = False

    # -- the system -----------------------------------------------------------------------------

    def start(self, *parts: str, proxies: Collection[str] = (), **settings: object) -> None:
        """Start parts such as `api`, `worker`, `worker2`, `beat`, and wait until they are ready.

        `proxies` names lines to put behind `proxy(name)`: `worker:database`, `api:broker`, ...
        `settings` are environment variables; the lease is 3 s unless they say otherwise.
        """
        given: dict[str, Any] = {name.upper(): str(value) for name, value in settings.items()}
        given = {"TASK_MODULES": MODULES, "CANCEL_GRACE_SECONDS": "2", **given}
        self.stack = Stack(
            self.folder / "stack", self._database_url, self.broker, parts=(), **given
        )
        self.system = System(self.stack, proxies)
        self._started = True
        for part in parts:
            self.system.start_part(part)
        self.stack.wait_ready()
        self.recorder = Recorder(self.stack.url, self.stack.token)
        lease = float(self.stack.env["LEASE_SECONDS"])
        self.facts = Facts(
            scenario=self.identity.scenario,
            database=self.database,
            seed=self.seed,
            lease_seconds=lease,
            effect_log=str(self.effects),
            complete_functions=[CHAOS_TASKS + name for name in NAMES],
            deadly_functions=[CHAOS_TASKS + name for name in DEADLY],
            burst_functions=[CHAOS_TASKS + name for name in BURST],
        )
        self._looker = Looker(
            self._database_url, self.broker.url, self.stack.key_prefix,
            lease=lease, grace=self.facts.grace_seconds,
        )  # fmt: skip
        self._watcher = Watcher(self.recorder.look_at_latest, self._look)

    def _look(self) -> None:
        if (seen := self._looker.look()) is not None:
            self._looks.append(seen)
        self.system.observer.measure()

    @property
    def postgres(self) -> Postgres:
        """The PostgreSQL server of this scenario; it may be killed and started again."""
        assert self._postgres is not None, "this scenario runs on SQLite"
        return self._postgres

    @property
    def log(self) -> str:
        """The path of the effect log: the first argument of the scenario tasks."""
        return str(self.effects)

    def proxy(self, name: str) -> TcpProxy:
        """The line that `start(proxies=...)` named."""
        return self.system.proxy(name)

    def start_part(self, part: str) -> Process:
        """Start one more part, or one again that was killed or stopped."""
        return self.system.start_part(part)

    def stop_part(self, part: str, sig: int = signal.SIGTERM, timeout: float = 60) -> int:
        """End a part in order, for good unless it is started again."""
        return self.system.stop_part(part, sig, timeout)

    def kill_part(self, part: str) -> None:
        """SIGKILL the first process of a part; the scenario starts it again."""
        self.system.kill_part(part)

    def worker_pids(self, part: str = "worker") -> WorkerPids:
        """Processes by role: `supervisor`, `agent`, `parent` (ids), `parents`, `children` (lists).

        `parent` is the first of its Celery main processes.
        """
        return self.system.worker_pids(part)

    def kill(self, pid: int, sig: int = signal.SIGKILL) -> None:
        """Send a signal; recorded as a fault."""
        self.system.kill(pid, sig)

    def freeze(self, *pids: int) -> None:
        """SIGSTOP; recorded as a fault until the thaw."""
        self.system.freeze(*pids)

    def thaw(self, *pids: int) -> None:
        """SIGCONT for these, or for everything frozen."""
        self.system.thaw(*pids)

    def fault(
        self, name: str, kind: Kind = Kind.OTHER, part: str = ""
    ) -> AbstractContextManager[None]:
        """`with chaos.fault("broker down", Kind.BROKER): ...` records how long it lasted.

        Of the kind it depends what it excuses; one of no kind excuses everything for a while.
        """
        return self.system.fault(name, kind, part)

    @property
    def faults(self) -> list[FaultSpan]:
        """The faults so far."""
        return self.system.faults

    # -- asking ---------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Call:
        """Any request, recorded. Options: `key` (idempotency), `timeout`."""
        return self.recorder.call(method, path, body, **options)

    def body(self, task: str, *args: Any, **body: Any) -> dict[str, Any]:
        """A submission: one try unless `max_attempts` says otherwise (None leaves it out).

        A name without a dot is one of the scenario tasks, else of `tests.support.tasks`.
        """
        name = task
        if "." not in task:
            name = (CHAOS_TASKS if task in NAMES else TASKS) + task
        whole = {
            "name": task, "task_type": "chaos", "celery_task_name": name, "args": list(args),
            "max_attempts": 1, **body,
        }  # fmt: skip
        return {key: value for key, value in whole.items() if value is not None}

    def post(self, task: str, *args: Any, key: str | None = None, timeout: float | None = None,
             **body: Any) -> Call:  # fmt: skip
        """One submission, as the whole recorded call."""
        whole = self.body(task, *args, **body)
        return self.call("POST", "/api/v1/tasks/", whole, key=key, timeout=timeout)

    def submit(self, task: str, *args: Any, **body: Any) -> str | None:
        """One submission; the id, or None when it was not answered with success."""
        call = self.post(task, *args, **body)
        return str(call.answer["id"]) if call.accepted else None

    def submit_many(self, n: int, task: str, *args: Any, **body: Any) -> list[str]:
        """`n` submissions from several threads; the ids of those that were accepted."""
        with ThreadPoolExecutor(THREADS) as pool:
            ids = list(pool.map(lambda _: self.submit(task, *args, **body), range(n)))
        return [task_id for task_id in ids if task_id is not None]

    def get(self, task_id: str) -> dict[str, Any]:
        """The task now. `AssertionError` when it is not answered."""
        call = self.call("GET", f"/api/v1/tasks/{task_id}")
        assert call.status == 200, f"GET {task_id}: {call.status} {call.answer}"
        return dict(call.answer)

    def cancel(self, task_id: str) -> Call:
        """Ask for a cancel; returns the recorded call."""
        return self.call("POST", f"/api/v1/tasks/{task_id}/cancel")

    def running(self) -> list[dict[str, Any]]:
        """Tasks that run now; empty when the API does not answer."""
        return self.recorder.look("/api/v1/tasks/?status=running&limit=500")

    def count(self) -> dict[str, int]:
        """The counts by status; empty when the API does not answer."""
        call = self.call("GET", "/api/v1/tasks/count")
        return dict(call.answer) if call.status == 200 else {}

    def wait(self, predicate: Callable[[], Any], timeout: float, what: str,
             every: float = 0.1) -> Any:  # fmt: skip
        """Poll until `predicate()` is true, and return what it said."""
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.identity.slug}: waited {timeout:g} s: {what}")
            time.sleep(every)
        return found

    def wait_finished(self, task_id: str, timeout: float) -> dict[str, Any]:
        """Wait for the end of one task and return it."""

        def finished() -> dict[str, Any] | None:
            task = self.get(task_id)
            return task if task["status"] in FINISHED else None

        found: dict[str, Any] = self.wait(finished, timeout, f"task {task_id} is finished")
        return found

    # -- the end --------------------------------------------------------------------------------

    def finish(self, quiet: float = 60) -> dict[str, dict[str, Any]]:
        """The faults are over: wait for the end of all tasks, judge, and return them by id.

        `AssertionError` with every violation; the history is then kept and its path named.
        """
        history = self.settled_history(quiet)
        violations = check(history)
        if violations or self.keeps_always:
            history.save(self.kept)
            self.kept_by_checker = True
        if violations:
            lines = [str(violation) for violation in violations]
            shown = "\n".join(lines[:40])
            raise AssertionError(
                f"{self.identity.slug}: {len(lines)} violations; history: {self.kept}\n{shown}"
            )
        return history.tasks

    @property
    def kept(self) -> Path:
        """Where the history is kept when the scenario fails."""
        return KEPT / f"{self.identity.slug}.json"

    def keep(self) -> Path | None:
        """Keep the history of a scenario that failed by another sentence than the checker's.

        None when there is none: the system never started, or no longer answers.
        """
        if not hasattr(self, "_watcher"):
            return None
        self._watcher.stop()
        try:
            return self.history().save(self.kept)
        except (AssertionError, httpx2.HTTPError, SQLAlchemyError):
            return None

    def settled_history(self, quiet: float = 60) -> History:
        """The faults are over: wait for the end of all tasks, and return what was recorded."""
        self.system.heal_lines()
        deadline = time.monotonic() + quiet
        while not (settled := self._all_finished()) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.facts.settled = settled
        self._wait_until_whole()
        self._watcher.stop()
        return self.history()

    def _wait_until_whole(self) -> None:
        """Whatever was done, every process is there again within ten seconds."""
        deadline = time.monotonic() + WHOLE_SECONDS
        while self.system.observer.missing(self.system.living) and time.monotonic() < deadline:
            time.sleep(0.2)

    def _all_finished(self) -> bool:
        counts = self.count()
        return bool(counts) and counts["pending"] + counts["running"] == 0

    def history(self) -> History:
        """Everything recorded so far, with a dump of the tasks as they are now."""
        history = History(
            facts=self.facts,
            calls=self.recorder.calls,
            samples=self.recorder.samples,
            effects=self.effects.all(),
            faults=[
                self.system.observer.with_back(fault)
                for fault in sorted(self.system.faults, key=lambda span: span.started)
            ],
            looks=self._looks,
            parts=[self.system.observer.with_ready(life) for life in self.system.lives],
            processes=self.system.observer.processes(),
            ends=self.system.observer.ends(),
            missing=self.system.observer.missing(self.system.living),
        )
        self._looker.read_schedules(history)
        dump(self.recorder, history)
        return history

    def close(self) -> None:
        """End everything this scenario has started."""
        if not self._started:
            return
        self.system.heal_lines()
        if not self.broker.answers():
            self.broker.start()
        if hasattr(self, "_watcher"):
            self._watcher.stop()
            self._looker.close()
            self.recorder.close()
        try:
            self.stack.stop()
        finally:
            self.system.close()
