"""`python -m tests.support.chaos.random_kills --minutes 4 --seed 7`: kill everything, at random.

2,000 mixed tasks are submitted while two threads kill, freeze and restart whatever the system
consists of; then the history is judged. A report and the history are written to `.data/chaos`.
The seed chooses the database unless `--database` does. Exit code 1: a rule was violated.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import httpx2

from tests.support.environment import isolate_test_process

# Before anything imports the application, whose modules read their settings when imported.
isolate_test_process()

from tests.support.chaos.checker import check  # noqa: E402
from tests.support.chaos.history import History  # noqa: E402
from tests.support.chaos.identity import Identity  # noqa: E402
from tests.support.chaos.mix import LIMITS, Mix  # noqa: E402
from tests.support.chaos.monkey import Monkeys  # noqa: E402
from tests.support.chaos.options import DATABASES, commit_seed  # noqa: E402
from tests.support.chaos.scenario import KEPT, MODULES, Scenario  # noqa: E402
from tests.support.chaos.servers import own_postgres, scenario_on  # noqa: E402
from tests.support.chaos.violation import Violation  # noqa: E402
from tests.support.databases import Templates  # noqa: E402

TASKS = 2000
# A slot comes every two seconds, so that beat is judged too.
SCHEDULED = f"{MODULES},tests.support.chaos.schedules"
PARTS = ("api", "worker", "worker2", "beat")
# Submissions end after this part of the time. The rest is for what outages have held up: two
# workers that are killed all the time have little capacity to spare.
SUBMITTING = 0.6
SHOWN = 30


def main() -> int:
    """Run, judge, report."""
    options = _options()
    database = options.database or DATABASES[options.seed % len(DATABASES)]
    identity = Identity("random", database, options.seed)
    print(f"{options.minutes:g} minutes, seed {options.seed}, {database}", flush=True)  # noqa: T201
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        postgres = None if database == "sqlite" else ends.enter_context(own_postgres())
        templates = Templates(folder / "templates")
        (folder / "templates").mkdir()
        with scenario_on(identity, folder, templates, postgres) as chaos:
            report, violations = _run(chaos, options.minutes * 60, options.tasks)
            if violations:
                report += f"\n--- processes\n{chaos.stack.tails(2000)}\n"
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{identity.slug}.txt"
    path.write_text(report)
    print(report.split("\n--- processes")[0])  # noqa: T201
    print(f"report: {path}")  # noqa: T201
    return 1 if violations else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.chaos.random_kills", description=__doc__
    )
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--seed", type=int, default=commit_seed())
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--database", choices=DATABASES)
    return parser.parse_args()


def _run(chaos: Scenario, seconds: float, tasks: int) -> tuple[str, list[Violation]]:
    """The whole run; returns the report and what was violated."""
    chaos.start(*PARTS, task_modules=SCHEDULED, worker_processes=2)
    _set_up(chaos)
    started = time.time()
    mix = Mix(chaos, tasks, seconds * SUBMITTING)
    monkeys = Monkeys(chaos, seconds)
    monkeys.wait()
    mix.wait(60)
    calm = time.time()
    try:
        history = chaos.settled_history()
    except (AssertionError, httpx2.TransportError) as error:
        # Without an API there is no dump: that is the violation, and the processes tell why.
        violations, seen = [Violation("C13", None, f"the API does not answer: {error!r}")], []
    else:
        violations, seen = [*check(history), *_verified(chaos)], _summary(history)
        history.save(KEPT / f"{chaos.identity.slug}.json")
    length = f"{calm - started:.0f} s of faults, {time.time() - calm:.0f} s of quiet"
    lines = [
        f"seed {chaos.seed}, {chaos.database}, {length}",
        f"faults: {_told(monkeys.done)}",
        *(f"a fault failed: {error}" for error in monkeys.errors),
        *seen,
        f"violations: {len(violations)}",
        *(f"  {violation}" for violation in violations[:SHOWN]),
    ]
    return "\n".join(lines), violations


def _set_up(chaos: Scenario) -> None:
    """A schedule made at run time beside the one of the code, and limits."""
    made = {
        "name": "made at run time", "kind": "interval", "interval_seconds": 10,
        "celery_task_name": "tests.support.tasks.noop",
    }  # fmt: skip
    answers = [chaos.stack.client.post("/api/v1/schedules/", json=made)]
    for (kind, name), most in LIMITS.items():
        path = f"/api/v1/limits/{kind}/{quote(name, safe='')}"
        answers.append(chaos.stack.client.put(path, json={"concurrency": most}))
    for answer in answers:
        answer.raise_for_status()


def _verified(chaos: Scenario) -> list[Violation]:
    """What `taskctl verify` has to say of the system that is left."""
    report = json.loads(chaos.stack.taskctl("verify", "--json", check=False))
    return [Violation("verify", None, json.dumps(each)) for each in report["findings"]]


def _summary(history: History) -> list[str]:
    statuses = Counter(task["status"] for task in history.tasks.values())
    reasons = Counter(str(t["reason"]) for t in history.tasks.values() if t["status"] == "failed")
    attempts = sum(task["attempt"] for task in history.tasks.values())
    posts = [call for call in history.calls if call.method == "POST"]
    answers = Counter(str(call.status or "no answer") for call in posts)
    times = sorted(call.ended - call.started for call in posts if call.accepted)
    slow = times[int(len(times) * 0.95)] if times else 0.0
    return [
        f"tasks: {len(history.tasks)}, attempts: {attempts}; {_told(statuses)}",
        f"failed because: {_told(reasons)}",
        f"answers to POST: {_told(answers)}; 95 % of the successful within {slow:.2f} s",
        (
            f"sights: {len(history.samples)}, effects: {len(history.effects)}, "
            f"looks: {len(history.looks)}, slots: {len(history.slots)}"
        ),
    ]


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.most_common()) or "none"


if __name__ == "__main__":
    sys.exit(main())
