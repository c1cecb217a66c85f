"""The metrics of a running system: of its tasks, its worker, and what its agent has seen."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import wait_until
from tests.support.stack import Stack

Samples = dict[tuple[str, ...], float]


def read(stack: Stack) -> Samples:
    """Every sample by its name and the values of its labels, in the order of their names."""
    answer = stack.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_runs_and_what_dies_is_counted(stack: Stack) -> None:
    died, done = "tasksystem_settled_for_dead_total", "tasksystem_tasks_finished_total"
    before = read(stack)
    stack.run("noop")
    stack.run("kill_self", str(stack.effect_log()))

    def counted() -> bool:
        now = read(stack)
        deaths = now[died, "crash"] - before[died, "crash"]
        ended = [now[done, "default", how] - before[done, "default", how]
                 for how in ("succeeded", "failed")]  # fmt: skip
        return deaths >= 1 and min(ended) >= 1

    # The heartbeat, the fold, and what the API remembers.
    wait_until(counted, timeout=20, what="the death and both ends are counted", every=0.5)
    now = read(stack)
    assert now[("tasksystem_agents_live",)] == now[("tasksystem_workers_live",)] == 1
    assert now[("tasksystem_worker_slots",)] == 4
    assert now["tasksystem_duty_lease_left_seconds", "maintenance"] > 0
    assert now["tasksystem_queue_window", "default"] > 0
    assert now["tasksystem_task_run_seconds_count", "default"] >= 1
