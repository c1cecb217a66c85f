"""Which functions exist: their parameters, queues, limits and schedules.

The same code runs in the API (to check submissions), in beat and in workers (to announce what
they can run), and its hash tells whether they all run the same version.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import re
import sysconfig
import traceback
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from celery import Task as CeleryTask

from app.core import sensitive
from app.core.config import get_settings
from app.core.errors import ConfigurationError
from app.domain.limits import Rate, celery_rate
from app.domain.retry import MAX_ATTEMPTS, RetryPolicy
from app.services.parameters import Parameters

# Injected by the worker; never accepted from a client.
INJECTED = frozenset({"task_id"})
# Modules of installed packages: a mistake that shows there is in the line that called them.
_INSTALLED = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen")
_IMPORTERS = {__file__}
_KEY = re.compile(r"(?!\s*$)[^\x00-\x1f\ud800-\udfff/*]{1,200}")
# A crash in a burst is somebody else's for most of its rows.
BURST_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """One registered function. Limits in seconds; None means the system's default.

    `requeue_on_interrupt` None: a task that has more than one attempt is given back.
    """

    name: str
    doc: str
    queue: str
    parameters: Parameters
    policy: RetryPolicy
    time_limit: float | None
    soft_time_limit: float | None
    requeue_on_interrupt: bool | None
    # Short, and fit to run again: many rows share one claim and one settlement.
    burst: bool = False
    # Of its tasks, unless a submission says otherwise.
    limit_key: str | None = None
    # What Celery calls `rate_limit`, here for all workers together.
    rate: Rate | None = None

    @property
    def max_attempts(self) -> int:
        """Attempts a task gets unless its submission says otherwise."""
        if self.burst and self.policy.max_retries is None:
            return max(self.policy.max_attempts, BURST_ATTEMPTS)
        return self.policy.max_attempts


@dataclass(frozen=True)
class Catalogue:
    """All registered functions, known queues and static schedules of this process."""

    tasks: dict[str, TaskInfo]
    queues: frozenset[str]
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The registered names, sorted."""
        return sorted(self.tasks)

    @property
    def hash(self) -> str:
        """Short digest of names, parameters and queues; equal where the code is equal."""
        described = [
            (name, info.queue, info.parameters.schema) for name, info in sorted(self.tasks.items())
        ]
        text = json.dumps(described, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def catalogue() -> Catalogue:
    """The catalogue of this process, read once.

    Raises `ConfigurationError` naming module, error and line when a task module fails to import.
    """
    from app.celery_app import celery_app

    modules = [import_module(name) for name in ("app.tasks", *get_settings().task_modules)]
    routes = dict(celery_app.conf.task_routes or {})
    schedules = dict(celery_app.conf.beat_schedule or {})
    for module in modules:
        routes.update(getattr(module, "task_routes", {}))
        schedules.update(getattr(module, "beat_schedule", {}))
    celery_app.conf.task_routes = routes
    celery_app.conf.beat_schedule = schedules
    celery_app.finalize()
    celery_app.amqp.__dict__["router"] = celery_app.amqp.Router()
    tasks = {
        name: _describe(celery_app, task)
        for name, task in celery_app.tasks.items()
        if not name.startswith("celery.")
    }
    sensitive.know({name: info.parameters.secret for name, info in tasks.items()})
    queues = {str(celery_app.conf.task_default_queue)}
    queues.update(info.queue for info in tasks.values())
    queues.update(route["queue"] for route in _route_values(routes) if "queue" in route)
    queues.update(_scheduled_queues(schedules))
    _declare(celery_app, queues)
    return Catalogue(tasks=tasks, queues=frozenset(queues), schedules=schedules)


def import_module(name: str) -> Any:
    """Import a task module. Raises `ConfigurationError` with the place of its mistake."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as exc:
        raise ConfigurationError(
            f"The task module {name} cannot be imported: {type(exc).__name__}: {exc} "
            f"({place(exc)}); correct it, or take it out of TASK_MODULES or "
            "app/tasks/__init__.py"
        ) from exc


def place(error: BaseException) -> str:
    """File and line of the mistake: the innermost line of somebody's own code."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_INSTALLED) and frame.filename not in _IMPORTERS
    ]
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else "no such module"


def _route_values(routes: Any) -> list[dict[str, Any]]:
    return [route for route in routes.values() if isinstance(route, dict)]


def _scheduled_queues(schedules: dict[str, Any]) -> set[str]:
    # Beat names the mistakes in an entry; they must not stop everybody else.
    options = [entry.get("options") for entry in schedules.values() if isinstance(entry, dict)]
    named = [each.get("queue") for each in options if isinstance(each, dict)]
    return {queue for queue in named if isinstance(queue, str)}


def _declare(celery_app: Any, queues: set[str]) -> None:
    """Make the known queues the ones that a worker without `-Q` consumes."""
    from kombu import Exchange, Queue

    celery_app.conf.task_queues = [
        Queue(name, Exchange(name, type="direct"), routing_key=name) for name in sorted(queues)
    ]
    # Celery keeps its own map of queues, made before ours were known; what a worker's `-Q` has
    # selected in it stays selected.
    earlier = celery_app.amqp.__dict__.pop("queues", None)
    celery_app.amqp._rtable = None
    celery_app.amqp.queues.select(sorted(getattr(earlier, "_consume_from", None) or ()))


def _describe(celery_app: Any, task: CeleryTask[Any, Any]) -> TaskInfo:
    # Any other class takes a hint for arguments and would call the function without its own.
    if not isinstance(task, celery_app.Task):
        raise ConfigurationError(
            f"{task.name}: its class does not know tracked tasks; derive it from celery_app.Task "
            "instead of celery.Task"
        )
    policy = _policy(task)
    on_interrupt: Literal["requeue", "fail"] | None = getattr(task, "on_interrupt", None)
    if on_interrupt not in (None, "requeue", "fail"):
        raise ConfigurationError(
            f"{task.name}: on_interrupt is {on_interrupt!r}; use 'requeue' or 'fail'"
        )
    function = getattr(task, "_orig_run", task.run)
    return TaskInfo(
        name=str(task.name),
        doc=inspect.getdoc(function) or "",
        queue=_queue_of(celery_app, task),
        parameters=Parameters.of(function, INJECTED, _sensitive(task, function)),
        policy=policy,
        time_limit=task.time_limit,
        soft_time_limit=task.soft_time_limit,
        requeue_on_interrupt=None if on_interrupt is None else on_interrupt == "requeue",
        burst=_burst(task, policy),
        limit_key=_limit_key(task),
        rate=_rate(task),
    )


def _sensitive(task: CeleryTask[Any, Any], function: Any) -> frozenset[str]:
    """The parameters whose values nobody is shown."""
    given = getattr(task, "sensitive", ())
    # A text alone would be taken for its letters.
    if not isinstance(given, list | tuple | set | frozenset):
        raise ConfigurationError(
            f"{task.name}: sensitive is {given!r}; use names of parameters, such as ('password',)"
        )
    parameters = inspect.signature(function).parameters
    known = [name for name in parameters if name not in INJECTED]
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return frozenset(given)
    # A typing error would show what is meant to be hidden.
    if unknown := [str(each) for each in given if each not in known]:
        raise ConfigurationError(
            f"{task.name}: sensitive names {', '.join(unknown)}, which it does not take; it takes "
            f"{', '.join(known) or 'nothing'}"
        )
    return frozenset(given)


def _limit_key(task: CeleryTask[Any, Any]) -> str | None:
    key = getattr(task, "limit_key", None)
    if key is not None and not (isinstance(key, str) and _KEY.fullmatch(key)):
        raise ConfigurationError(
            f"{task.name}: limit_key is {key!r}; use up to 200 characters of a line without / and *"
        )
    return key


def _rate(task: CeleryTask[Any, Any]) -> Rate | None:
    try:
        return celery_rate(task.rate_limit)
    except ValueError as exc:
        raise ConfigurationError(f"{task.name}: rate_limit {task.rate_limit!r} {exc}") from exc


def _burst(task: CeleryTask[Any, Any], policy: RetryPolicy) -> bool:
    burst = getattr(task, "burst", False)
    if not isinstance(burst, bool):
        raise ConfigurationError(f"{task.name}: burst is {burst!r}; use True or False")
    if burst and policy.max_retries == 0:
        raise ConfigurationError(
            f"{task.name}: burst=True is for functions that may run again after a crash; "
            "take max_retries=0 away, or burst=True"
        )
    return burst


def _queue_of(celery_app: Any, task: CeleryTask[Any, Any]) -> str:
    """The decorator's queue, else the route's, else the default: Celery's own order."""
    if named := getattr(task, "queue", None):
        return str(getattr(named, "name", named))
    routed = celery_app.amqp.router.route({}, task.name).get("queue")
    return str(getattr(routed, "name", routed) or celery_app.conf.task_default_queue)


def _policy(task: CeleryTask[Any, Any]) -> RetryPolicy:
    backoff = float(getattr(task, "retry_backoff", 0) or 0)
    delay_given = _given(task, "default_retry_delay")
    if not backoff and not delay_given:
        # Celery would wait three minutes; a second, doubling, is what people set by hand.
        backoff = 1.0
    return RetryPolicy(
        max_retries=_max_retries(task),
        autoretry=bool(getattr(task, "autoretry_for", ())),
        backoff=backoff,
        backoff_max=float(getattr(task, "retry_backoff_max", 600)),
        jitter=bool(getattr(task, "retry_jitter", True)),
        delay=float(task.default_retry_delay or 0),
    )


def _max_retries(task: CeleryTask[Any, Any]) -> int | None:
    """As Celery reads them: those in `retry_kwargs` of `autoretry_for` first, None is no bound.

    None where nothing was said.
    """
    autoretry = getattr(task, "retry_kwargs", {}) if getattr(task, "autoretry_for", ()) else {}
    declared = autoretry.get("max_retries")
    if declared is None:
        if not _given(task, "max_retries"):
            return None
        declared = MAX_ATTEMPTS if task.max_retries is None else task.max_retries
    if type(declared) is not int or declared < 0:
        raise ConfigurationError(
            f"{task.name}: max_retries is {declared!r}; use a number from 0, or None for no limit"
        )
    return declared


def _given(task: CeleryTask[Any, Any], name: str) -> bool:
    """Whether the decorator or a user's base class sets `name`, as opposed to Celery's default."""
    for cls in type(task).__mro__:
        if cls.__module__.startswith(("celery.", "app.worker.")) and cls.__name__ in (
            "Task",
            "TrackedTask",
        ):
            return False
        if name in cls.__dict__:
            return True
    return False
