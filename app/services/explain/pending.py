"""Why a pending task has not started, in the order in which it gets past each on its way."""

from __future__ import annotations

from collections.abc import Callable

from app.services.catalogue import catalogue
from app.services.depending import RUN
from app.services.explain.facts import Facts
from app.services.explain.reason import TASKS, Code, Reason, at, counted, error_of
from app.services.limits import Blocking


def _expired(facts: Facts) -> Reason | None:
    expires_at = facts.task.expires_at
    if expires_at is None or expires_at > facts.now:
        return None
    return Reason(
        Code.EXPIRED,
        f"It was not to start after {at(expires_at)}; it is about to be revoked",
        f"Submit it anew, with a later expires_at or none: taskctl retry {facts.task.id}, once it "
        "is revoked",
        {"expires_at": expires_at},
    )


def _waits_for_tasks(facts: Facts) -> Reason | None:
    task = facts.task
    if not task.unmet_deps:
        return None
    some = ", ".join(f"{each.id} ({each.status})" for each in facts.needs)
    more = task.unmet_deps - len(facts.needs)
    named = f": {some}" if some else ", which you may not see"
    if some and more:
        named += f" and {more:,} more"
    cure = "They have to finish first"
    if facts.needs:
        cure += f"; to see what holds up the first: taskctl explain {facts.needs[0].id}"
    ends = "it runs all the same" if task.on_dependency_failure == RUN else "it ends as well"
    return Reason(
        Code.WAITS_FOR_TASKS,
        f"It waits for {counted(task.unmet_deps, 'task')}{named}",
        f"{cure}. If one of them fails or is revoked, {ends}",
        {
            "total": task.unmet_deps,
            "tasks": [{"id": n.id, "name": n.name, "status": n.status} for n in facts.needs],
        },
    )


def _waits_for_retry(facts: Facts) -> Reason | None:
    task = facts.task
    if not task.attempt or task.ready_at <= facts.now:
        return None
    error, what = error_of(task)
    return Reason(
        Code.WAITS_FOR_RETRY,
        f"It waits until {at(task.ready_at)} for its next attempt, after attempt {task.attempt} "
        f"ended with reason {task.reason}{what}",
        _sooner(facts),
        {
            "until": task.ready_at,
            "attempt": task.attempt,
            "reason": task.reason,
            **error,
        },
    )


def _scheduled(facts: Facts) -> Reason | None:
    task = facts.task
    if task.attempt or task.ready_at <= facts.now:
        return None
    return Reason(
        Code.SCHEDULED,
        f"It is scheduled for {at(task.ready_at)}",
        _sooner(facts),
        {"until": task.ready_at},
    )


def _sooner(facts: Facts) -> str:
    return (
        f"Wait until then, or give it another time: PATCH {TASKS}/{facts.task.id} with an earlier "
        "scheduled_at"
    )


def _queue_paused(facts: Facts) -> Reason | None:
    queue = facts.task.queue
    if facts.paused_at is None:
        return None
    return Reason(
        Code.QUEUE_PAUSED,
        f"The queue {queue} is paused since {at(facts.paused_at)}, by {facts.paused_by}",
        f"An operator resumes it: taskctl queues resume {queue}, or "
        f"POST /api/v1/queues/{queue}/resume",
        {"queue": queue, "paused_at": facts.paused_at, "paused_by": facts.paused_by},
    )


def _limit_reached(facts: Facts) -> Reason | None:
    if not facts.full:
        return None
    kind, name = facts.full[0].kind, facts.full[0].name
    return Reason(
        Code.LIMIT_REACHED,
        "It waits for a limit: " + "; ".join(map(_how_full, facts.full)),
        "Wait until a place is free, or an operator changes the limit: taskctl limits set "
        f"{kind} {name}, or taskctl limits delete {kind} {name}",
        {
            "limits": [
                {
                    "kind": each.kind,
                    "name": each.name,
                    "counted": each.counted,
                    "used": each.used,
                    "allowed": each.allowed,
                    "rate": each.rate,
                    "free_in_seconds": each.free_in_seconds,
                }
                for each in facts.full
            ]
        },
    )


def _how_full(limit: Blocking) -> str:
    whose = f"that of the {limit.kind} {limit.name}"
    if limit.rate is None:
        return f"{whose} lets {limit.allowed} run at a time, and {limit.used} do or are handed out"
    soon = f", and the next in {limit.free_in_seconds:,.3g} s" if limit.free_in_seconds else ""
    return f"{whose} lets out {limit.rate}: {limit.used} were{soon}"


def _broker_unreachable(facts: Facts) -> Reason | None:
    if facts.broker_answers:
        return None
    return Reason(
        Code.BROKER_UNREACHABLE,
        "The broker does not answer, so nothing can be handed out to workers",
        "Start the broker, or correct CELERY_BROKER_URL (taskctl doctor says more); tasks go out by "
        "themselves when it is back",
    )


def _queue_not_served(facts: Facts) -> Reason | None:
    queue = facts.task.queue
    if facts.serving:
        return None
    served = sorted({each for worker in facts.workers for each in worker.queues})
    alive = f"those that live serve {', '.join(served)}" if served else "none is alive at all"
    return Reason(
        Code.QUEUE_NOT_SERVED,
        f"No live worker serves the queue {queue}; {alive}",
        "Start one without --queues, or with this queue among them: python -m scripts.celery_worker "
        f"--queues {queue}",
        {"queue": queue, "served": served},
    )


def _function_unknown(facts: Facts) -> Reason | None:
    name = facts.task.celery_task_name
    if facts.able or not facts.serving:
        return None
    who = ", ".join(f"{each.name} (version {each.version})" for each in facts.serving)
    return Reason(
        Code.FUNCTION_UNKNOWN,
        f"No live worker of the queue {facts.task.queue} has the function {name}: {who}",
        "Give them the code, by TASK_MODULES or an import in app/tasks/__init__.py, and restart "
        "them; a task whose function nobody has fails after some seconds",
        {
            "celery_task_name": name,
            "catalogue_hash": catalogue().hash,
            "workers": [
                {
                    "name": each.name,
                    "version": each.version,
                    "catalogue_hash": each.catalogue_hash,
                }
                for each in facts.serving
            ],
        },
    )


def _slots_busy(facts: Facts) -> Reason | None:
    if not facts.slots or facts.busy < facts.slots or not _has_place(facts):
        return None
    return Reason(
        Code.SLOTS_BUSY,
        f"Every slot of the workers that can run it is taken: {facts.busy} of {facts.slots}",
        "Wait until one is free, or add some: start another worker, or raise "
        "CELERY_WORKER_CONCURRENCY",
        {"slots": facts.slots, "busy": facts.busy},
    )


def _tasks_ahead(facts: Facts) -> Reason | None:
    ahead = facts.ahead
    if not ahead.number:
        return None
    seconds = ahead.seconds / facts.slots if ahead.seconds is not None and facts.slots else None
    number = f"{ahead.number:,} or more tasks" if ahead.more else counted(ahead.number, "task")
    verb = "is" if ahead.number == 1 else "are"
    lasting = f"; at their usual pace that is {seconds:,.3g} s at least" if seconds else ""
    return Reason(
        Code.TASKS_AHEAD,
        f"{number} {verb} ahead of it in the queue {facts.task.queue}{lasting}",
        "Wait for its turn, add workers, or make it more urgent: PATCH "
        f"{TASKS}/{facts.task.id} with a higher priority",
        {
            "queue": facts.task.queue,
            "ahead": ahead.number,
            "more": ahead.more,
            "estimate_seconds": seconds,
        },
    )


def _handed_out(facts: Facts) -> Reason | None:
    task = facts.task
    if task.dispatched_at is None:
        return None
    return Reason(
        Code.HANDED_OUT,
        f"It was handed out at {at(task.dispatched_at)} and is taken by the next free slot",
        "Wait a moment; should it stay like this although slots are free, taskctl doctor and "
        "taskctl verify say why",
        {"dispatched_at": task.dispatched_at},
    )


def ready(facts: Facts) -> Reason:
    """What to say of one that nothing holds up."""
    return Reason(
        Code.READY,
        "Nothing holds it up: it is handed out within a second or two",
        "Ask again in a moment; should it stay like this, taskctl doctor and taskctl verify say why",
        {"ready_at": facts.task.ready_at},
    )


def _has_place(facts: Facts) -> bool:
    """Whether it waits for its turn, and no longer for a time or for other tasks."""
    return facts.task.rank is not None


# In the order in which a task gets past them on its way: what stands further on does not matter
# before what is in front of it has gone. A new kind of reason is one function, put in its place here.
OF_PENDING: tuple[Callable[[Facts], Reason | None], ...] = (
    _expired,
    _waits_for_tasks,
    _waits_for_retry,
    _scheduled,
    _queue_paused,
    _limit_reached,
    _broker_unreachable,
    _queue_not_served,
    _function_unknown,
    _slots_busy,
    _tasks_ahead,
    _handed_out,
)
