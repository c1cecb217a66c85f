"""Rules about the record: what exists, how statuses, progress and times went, and the counts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.support.chaos.history import DATABASE_CRASH, Call, History, Sample
from tests.support.chaos.violation import Violation

FINISHED = frozenset({"succeeded", "failed", "revoked"})
_COLLECTION = "/api/v1/tasks/"


def every_accepted_task_exists(history: History) -> Iterator[Violation]:
    """C1: a task whose submission was answered with success is there, unless it was deleted."""
    gone = deleted(history) | perhaps_deleted(history)
    for task_id in created(history):
        if task_id not in history.tasks and task_id not in gone:
            yield Violation("C1", task_id, "was accepted and does not exist")


def every_task_is_finished(history: History) -> Iterator[Violation]:
    """C2: at the end of the quiet nothing waits and nothing runs."""
    if not history.facts.settled:
        yield Violation("C2", None, "the quiet was over before all tasks were finished")
    for task_id, task in history.tasks.items():
        if task["status"] not in FINISHED:
            shown = {key: task[key] for key in ("attempt", "scheduled_at", "worker", "reason")}
            yield Violation("C2", task_id, f"is still {task['status']}: {shown}")


def statuses_follow_the_lifecycle(history: History) -> Iterator[Violation]:
    """C3: each sight of a task may follow the one before; a finished status never changes."""
    for task_id, sights in _sights(history).items():
        task = history.tasks.get(task_id)
        for earlier, later in itertools.pairwise(sights):
            if _may_be_forgotten(history, earlier, later, task):
                continue
            if _was_taken_back(history, earlier, later, task):
                continue
            if sentence := _step(earlier, later, task):
                yield Violation("C3", task_id, sentence)
        if task is not None and sights:
            end = Sample(
                task_id, task["status"], task["version"], task["progress"], task["attempt"],
                float("inf"), float("inf"),
            )  # fmt: skip
            if sentence := _step(sights[-1], end, task):
                yield Violation("C3", task_id, f"in the final dump: {sentence}")


def _may_be_forgotten(
    history: History, earlier: Sample, later: Sample, task: dict[str, Any] | None
) -> bool:
    """Whether the database may have lost the earlier sight: claims that need not last, marks."""
    if earlier.status in FINISHED:
        return False
    once = task is None or task["max_attempts"] == 1
    if earlier.status == "running" and once and later.status == "pending":
        return False
    return any(
        fault.name.startswith(DATABASE_CRASH) and fault.overlaps(earlier.asked, later.at)
        for fault in history.faults
    )


def _was_taken_back(
    history: History, earlier: Sample, later: Sample, task: dict[str, Any] | None
) -> bool:
    """Whether it was claimed with a whole burst and had not begun when that ended: no start then."""
    if task is None or task["celery_task_name"] not in history.facts.burst_functions:
        return False
    if (earlier.status, later.status) != ("running", "pending"):
        return False
    began = any(
        (effect.task_id, effect.attempt, effect.phase) == (task["id"], earlier.attempt, "start")
        and effect.time < later.asked
        for effect in history.effects
    )
    goes_on = later.version > earlier.version and later.attempt == earlier.attempt - 1
    return goes_on and not began


def _step(earlier: Sample, later: Sample, task: dict[str, Any] | None) -> str | None:
    """What is wrong with seeing `later` after `earlier`, if anything."""
    said = f"{earlier.status} (version {earlier.version}, attempt {earlier.attempt})"
    then = f"{later.status} (version {later.version}, attempt {later.attempt})"
    if later.version < earlier.version or later.attempt < earlier.attempt:
        return f"went back from {said} to {then}"
    if earlier.status in FINISHED and later.status != earlier.status:
        return f"was {said} and became {then}"
    same_attempt = later.attempt == earlier.attempt
    if later.version == earlier.version and later.status != earlier.status:
        return f"was {said} and {then} in the same version"
    if earlier.status == "pending" and later.status in ("running", "succeeded") and same_attempt:
        return f"went from {said} to {then} without a start"
    back = earlier.status == "running" and later.status == "pending"
    if back and task is not None and task["max_attempts"] == 1 and not _interrupted(task):
        return f"has one try and went from {said} to {then}"
    return None


def _interrupted(task: dict[str, Any]) -> bool:
    """Whether an attempt was given back by a stopping worker, which costs no try."""
    return any(each["outcome"] == "interrupted" for each in task.get("attempts", []))


def _sights(history: History) -> dict[str, list[Sample]]:
    """What was seen of each task, in an order in which it must have happened.

    Two requests that overlapped in time say nothing about each other's order: of those, the
    one with the lower version comes first.
    """
    seen: dict[str, list[Sample]] = {}
    for sample in [*history.samples, *_from_calls(history)]:
        seen.setdefault(sample.task_id, []).append(sample)
    for sights in seen.values():
        sights.sort(key=lambda each: each.at)
        for place in range(1, len(sights)):
            current = place
            while current and _swap(sights[current - 1], sights[current]):
                sights[current - 1 : current + 1] = sights[current], sights[current - 1]
                current -= 1
    return seen


def _swap(first: Sample, second: Sample) -> bool:
    """Whether two neighbours overlap and are told by their versions to be the other way round."""
    overlap = (second.asked or second.at) <= first.at
    return overlap and second.version < first.version


def _from_calls(history: History) -> Iterator[Sample]:
    for call in history.calls:
        for task in _tasks_in(call):
            yield Sample(
                task["id"], task["status"], task["version"], task["progress"], task["attempt"],
                call.ended, call.started,
            )  # fmt: skip


def _tasks_in(call: Call) -> list[dict[str, Any]]:
    """Tasks in the answer to a call."""
    if not call.accepted:
        return []
    answers = call.answer if isinstance(call.answer, list) else [call.answer]
    found = []
    for answer in answers:
        if isinstance(answer, dict):
            inner = answer.get("task", answer)
            if isinstance(inner, dict) and {"id", "status", "version", "attempt"} <= set(inner):
                found.append(inner)
    return found


def the_books_add_up(history: History) -> Iterator[Violation]:
    """C7: the counts are those of the list, and the list is what was created and not deleted."""
    listed = dict.fromkeys(("pending", "running", *sorted(FINISHED)), 0)
    for task in history.tasks.values():
        listed[task["status"]] += 1
    expected = {"total": len(history.tasks), **listed}
    for name, number in expected.items():
        if history.count.get(name) != number:
            said = history.count.get(name)
            yield Violation("C7", None, f"{name}: {number} in the lists, {said} by the count")
    # A slot of somebody's own schedule makes a task of theirs.
    own = {*created(history), *(slot.task_id for slot in history.slots)}
    strangers = [
        task for task_id, task in history.tasks.items()
        if task_id not in own and task["user_id"] is not None and task["parent_id"] is None
    ]  # fmt: skip
    if len(strangers) > (unknown := _unknown_submissions(history)):
        yield Violation(
            "C7", strangers[0]["id"],
            f"{len(strangers)} tasks that no answer named, and only {unknown} submissions unknown",
        )  # fmt: skip
    for task_id in deleted(history):
        if task_id in history.tasks:
            yield Violation("C7", task_id, "was deleted and is still listed")


def created(history: History) -> set[str]:
    """Ids of the tasks that a successful answer to a submission or a retry named."""
    return {
        call.answer["id"]
        for call in history.calls
        if call.accepted and _creates(call) and isinstance(call.answer, dict)
    }


def _creates(call: Call) -> bool:
    retried = call.path.endswith("/retry")
    return call.method == "POST" and (call.path.rstrip("/") == _COLLECTION[:-1] or retried)


def _unknown_submissions(history: History) -> int:
    """How many rows may have come from submissions that no answer told of; one for each key."""
    keys = set()
    single = 0
    for call in history.calls:
        if _creates(call) and _is_unknown(call):
            if call.key is None:
                single += 1
            else:
                keys.add(call.key)
    return single + len(keys)


def deleted(history: History) -> set[str]:
    """Ids of the tasks whose deletion was answered with success, at once or as a promise."""
    return {_named(call) for call in history.calls if call.method == "DELETE" and call.accepted}


def perhaps_deleted(history: History) -> set[str]:
    """Ids of the tasks whose deletion was asked for, and nobody knows what came of it."""
    return {_named(call) for call in history.calls if call.method == "DELETE" and _is_unknown(call)}


def _named(call: Call) -> str:
    return call.path.rstrip("/").rsplit("/", 1)[1]


def _is_unknown(call: Call) -> bool:
    return call.status is None or call.status >= 500


def progress_and_times_go_forward(history: History) -> Iterator[Violation]:
    """C11: progress is 0 to 100 and never falls within an attempt; times are in order."""
    for task_id, sights in _sights(history).items():
        highest: dict[int, float] = {}
        for sight in sights:
            if not 0 <= sight.progress <= 100:
                yield Violation("C11", task_id, f"has progress {sight.progress:g}")
            before = highest.get(sight.attempt, 0.0)
            if sight.status == "running" and sight.progress < before:
                yield Violation(
                    "C11", task_id,
                    f"fell from {before:g} to {sight.progress:g} in attempt {sight.attempt}",
                )  # fmt: skip
            if sight.status == "running":
                highest[sight.attempt] = max(before, sight.progress)
    for task_id, task in history.tasks.items():
        times = [task[name] for name in ("created_at", "started_at", "completed_at")]
        known = [datetime.fromisoformat(time) for time in times if time is not None]
        if known != sorted(known):
            yield Violation("C11", task_id, f"has times out of order: {times}")
        if task["status"] in FINISHED and task["completed_at"] is None:
            yield Violation("C11", task_id, f"is {task['status']} without completed_at")
