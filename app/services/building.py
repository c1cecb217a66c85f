"""From a submission to a complete row: every check and every default, without a database."""

from __future__ import annotations

import difflib
import math
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from uuid_utils.compat import uuid4

from app.core import tracing
from app.core.config import get_settings
from app.core.errors import Invalid
from app.db.base import dump_json
from app.db.clock import after, now
from app.db.ids import new_id
from app.domain.rank import Priority
from app.domain.retry import MAX_ATTEMPTS
from app.queries.intake import BESIDES
from app.queries.tasks import BORN, rank_of
from app.services.catalogue import Catalogue, TaskInfo

MAX_ARGUMENT_BYTES = 1_048_576
MAX_DEPTH = 32
MAX_TAGS = 32
MAX_DEPENDENCIES = 1000
MAX_UNIQUE_KEY = 200
MAX_LIMIT_KEY = 200
MAX_SECONDS = 31_536_000.0
UNIQUE_MODES = ("reject", "existing", "replace")
_PRIORITIES = tuple(Priority)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A submission. Durations in seconds, times timezone-aware.

    `priority` 1 (LOW) to 4 (CRITICAL); `user_id` None is a system task, seen by operators only.
    At most one of `scheduled_at` and `countdown`.
    """

    name: str
    task_type: str
    celery_task_name: str
    args: Sequence[Any] = ()
    kwargs: dict[str, Any] | None = None
    priority: int = Priority.NORMAL
    user_id: uuid.UUID | None = None
    # Whoever submits it may see every task, not only the owner's.
    sees_all: bool = False
    queue: str | None = None
    scheduled_at: datetime | None = None
    countdown: float | None = None
    expires_at: datetime | None = None
    max_attempts: int | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    parent_id: uuid.UUID | None = None
    depends_on: Sequence[uuid.UUID | str] = ()
    on_dependency_failure: str = "fail"
    tags: Sequence[str] = ()
    owner_ref: str | None = None
    retry_of: uuid.UUID | None = None
    # No two unfinished tasks of an owner have the same one; what becomes of the second is its mode
    # (`services.uniqueness`).
    unique_key: str | None = None
    unique_mode: str = "reject"
    # What limits of kind `key` count it under; default: the function's own.
    limit_key: str | None = None
    # By which others of the same request name it (`services.local_names`); it is not kept.
    local_id: str | None = None

    @property
    def may_see(self) -> uuid.UUID | None:
        """Whose tasks it may refer to; None is everybody's."""
        return None if self.sees_all else self.user_id


def build_row(new: NewTask, catalogue: Catalogue) -> dict[str, Any]:
    """The row of a new task. Raises `Invalid` with every place that does not fit."""
    return with_times(draft(new, catalogue))


def draft(new: NewTask, catalogue: Catalogue) -> dict[str, Any]:
    """The row of a new task without what the database's clock decides.

    Besides columns it has `countdown` and `size`, the length of the arguments as JSON. Raises
    `Invalid` with every place that does not fit.
    """
    info = find_function(new.celery_task_name, catalogue)
    args, kwargs = list(new.args or ()), new.kwargs or {}
    size, errors = _check_json(args, kwargs)
    errors = [
        *_check_texts(new),
        *_check_numbers(new, info),
        *_check_times(new),
        *errors,
        *_check_dependencies(new),
    ]
    if new.queue is not None and new.queue not in catalogue.queues:
        errors.append(_unknown_queue(new.queue, catalogue))
    if not errors:
        errors = info.parameters.check(args, kwargs)
    if errors:
        raise Invalid(str(errors[0]["msg"]), errors=errors)
    return _row(new, info, args, kwargs, size)


def find_function(name: str, catalogue: Catalogue) -> TaskInfo:
    """The registered function of that name. Raises `Invalid` naming near matches."""
    info = catalogue.tasks.get(name)
    if info is None:
        message = f"{name!r} is not registered{_near(name, catalogue.tasks)}"
        raise Invalid(
            message,
            code="not_registered",
            errors=[_error("celery_task_name", message, "not_registered")],
        )
    return info


def _row(
    new: NewTask, info: TaskInfo, args: list[Any], kwargs: dict[str, Any], size: int
) -> dict[str, Any]:
    max_attempts = new.max_attempts or info.max_attempts
    hard = new.time_limit or info.time_limit or get_settings().task_time_limit_seconds
    soft = new.soft_time_limit or info.soft_time_limit
    return {
        "id": new_id(),
        "name": new.name,
        "task_type": new.task_type,
        "celery_task_name": info.name,
        "args": args,
        "kwargs": kwargs,
        "queue": new.queue or info.queue,
        "priority": int(new.priority),
        "celery_id": uuid4(),
        "max_attempts": max_attempts,
        "requeue_on_interrupt": (
            max_attempts > 1 if info.requeue_on_interrupt is None else info.requeue_on_interrupt
        ),
        # What may start only once is never claimed long before it starts.
        "burst": info.burst and max_attempts > 1,
        "time_limit": hard,
        # It would never come where the hard one comes first.
        "soft_time_limit": soft if soft and soft < hard else None,
        "user_id": new.user_id,
        "owner_ref": new.owner_ref,
        "parent_id": new.parent_id,
        "retry_of": new.retry_of,
        "limit_key": new.limit_key or info.limit_key,
        "trace_context": tracing.here(),
        "tags": list(new.tags),
        "depends_on": [str(each) for each in new.depends_on] or None,
        "on_dependency_failure": new.on_dependency_failure,
        "unmet_deps": 0,
        "scheduled_at": new.scheduled_at,
        "countdown": new.countdown or None,
        "expires_at": new.expires_at,
        "size": size,
    }


def with_times(row: dict[str, Any]) -> dict[str, Any]:
    """The draft as a whole row, with expressions for what the database's clock decides."""
    countdown = row["countdown"]
    columns = {key: value for key, value in row.items() if key not in BESIDES}
    scheduled: Any = after(countdown) if countdown else row["scheduled_at"]
    rank = rank_of(now(), row["priority"], get_settings().ageing_seconds)
    return {
        **BORN,
        **columns,
        "scheduled_at": scheduled,
        "ready_at": now() if scheduled is None else scheduled,
        "rank": rank if scheduled is None else None,
        "created_at": now(),
        "updated_at": now(),
    }


def _check_texts(new: NewTask) -> list[dict[str, Any]]:
    errors = []
    for field, value, longest in (
        ("name", new.name, 200),
        ("task_type", new.task_type, 100),
        ("owner_ref", new.owner_ref, 200),
        ("unique_key", new.unique_key, MAX_UNIQUE_KEY),
        ("limit_key", new.limit_key, MAX_LIMIT_KEY),
        *((f"tags.{i}", tag, 64) for i, tag in enumerate(new.tags)),
    ):
        if value is None and field in ("owner_ref", "unique_key", "limit_key"):
            continue
        if problem := text_problem(value, longest):
            errors.append(_error(field, f"{field} {problem}", "text"))
    if isinstance(new.limit_key, str) and set(new.limit_key) & set("/*"):
        errors.append(_error("limit_key", "limit_key must not contain / or *", "text"))
    if len(new.tags) > MAX_TAGS:
        errors.append(_error("tags", f"at most {MAX_TAGS} tags", "too_many"))
    if len(set(new.tags)) != len(new.tags):
        errors.append(_error("tags", "each tag once", "duplicate"))
    if new.unique_mode not in UNIQUE_MODES:
        message = f"must be {', '.join(UNIQUE_MODES[:-1])} or {UNIQUE_MODES[-1]}"
        errors.append(_error("unique_mode", message, "choice"))
    return errors


def text_problem(value: Any, longest: int) -> str | None:
    """What is wrong with a name, or None: text, not blank, no control characters, bounded."""
    if not isinstance(value, str):
        return "must be text"
    if not value.strip():
        return "must not be blank"
    if len(value) > longest:
        return f"must have at most {longest} characters"
    if _CONTROL.search(value):
        return "must not contain control characters or lone surrogates"
    return None


def _check_numbers(new: NewTask, info: TaskInfo) -> list[dict[str, Any]]:
    errors = []
    if isinstance(new.priority, bool) or new.priority not in _PRIORITIES:
        errors.append(
            _error("priority", "priority is 1 (low), 2 (normal), 3 (high) or 4 (critical)", "range")
        )
    for field, value, low in (
        ("countdown", new.countdown, 0.0),
        ("time_limit", new.time_limit, 0.001),
        ("soft_time_limit", new.soft_time_limit, 0.001),
    ):
        if value is not None and not (math.isfinite(value) and low <= value <= MAX_SECONDS):
            errors.append(_error(field, f"{field} must be {low:g} to {MAX_SECONDS:g} s", "range"))
    if new.max_attempts is not None and not 1 <= new.max_attempts <= MAX_ATTEMPTS:
        errors.append(_error("max_attempts", f"must be 1 to {MAX_ATTEMPTS}", "range"))
    hard = new.time_limit or info.time_limit
    if new.soft_time_limit and hard and new.soft_time_limit >= hard:
        errors.append(
            _error("soft_time_limit", f"must be below the time limit, {hard:g} s", "range")
        )
    return errors


def _check_times(new: NewTask) -> list[dict[str, Any]]:
    errors = [
        _error(field, f"{field} needs a time zone offset", "timezone")
        for field, value in (("scheduled_at", new.scheduled_at), ("expires_at", new.expires_at))
        if value is not None and value.tzinfo is None
    ]
    if new.scheduled_at is not None and new.countdown is not None:
        errors.append(_error("countdown", "give scheduled_at or countdown, not both", "conflict"))
    if (
        not errors
        and new.scheduled_at is not None
        and new.expires_at is not None
        and new.expires_at <= new.scheduled_at
    ):
        errors.append(_error("expires_at", "expires_at must be after scheduled_at", "range"))
    return errors


def _check_dependencies(new: NewTask) -> list[dict[str, Any]]:
    errors = []
    if len(new.depends_on) > MAX_DEPENDENCIES:
        errors.append(_error("depends_on", f"at most {MAX_DEPENDENCIES} tasks", "too_many"))
    try:
        if len({uuid.UUID(str(each)) for each in new.depends_on}) != len(new.depends_on):
            errors.append(_error("depends_on", "each task once", "duplicate"))
    except ValueError:
        errors.append(_error("depends_on", "each must be the id of a task", "uuid"))
    if new.on_dependency_failure not in ("fail", "run"):
        errors.append(_error("on_dependency_failure", "must be fail or run", "choice"))
    return errors


def require_json(args: list[Any], kwargs: dict[str, Any]) -> None:
    """Raise `Invalid` for arguments that cannot be kept: no JSON, too large, nested too deep."""
    _, errors = _check_json(args, kwargs)
    if errors:
        raise Invalid(str(errors[0]["msg"]), errors=errors)


def _check_json(args: list[Any], kwargs: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """Their length as JSON, and what is wrong with them."""
    try:
        text = dump_json([args, kwargs])
    except (TypeError, ValueError, RecursionError) as exc:
        return 0, [_error("args", f"arguments must be JSON: {exc}", "json")]
    return len(text), [
        _error(field, message, kind)
        for field, message, kind in _problems_of_json(text, args, kwargs)
    ]


def _problems_of_json(
    text: str, args: list[Any], kwargs: dict[str, Any]
) -> Iterator[tuple[str, str, str]]:
    if len(text.encode(errors="surrogatepass")) > MAX_ARGUMENT_BYTES:
        yield "args", f"arguments must fit into {MAX_ARGUMENT_BYTES} bytes", "too_large"
    elif "\\u0000" in text or _SURROGATE.search(text):
        yield "args", "arguments must not contain NUL or lone surrogates", "text"
    # Counted first: most have fewer brackets than they may have levels.
    elif text.count("[") + text.count("{") > MAX_DEPTH and _deeper([args, kwargs], MAX_DEPTH + 1):
        yield "args", f"arguments may be nested {MAX_DEPTH} deep", "too_deep"
    elif any(not isinstance(key, str) for key in kwargs):
        yield "kwargs", "keyword names must be text", "text"


def _deeper(value: Any, levels: int) -> bool:
    """Whether containers are nested more than `levels` deep; looks no deeper than that."""
    if not isinstance(value, dict | list | tuple):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(each, levels - 1) for each in inner)


def _unknown_queue(queue: str, catalogue: Catalogue) -> dict[str, Any]:
    return _error(
        "queue", f"{queue!r} is not a known queue{_near(queue, catalogue.queues)}", "unknown_queue"
    )


def _near(wanted: str, known: Any) -> str:
    """A suggestion to go with a refusal: the closest known names, else where to look."""
    matches = difflib.get_close_matches(wanted, list(known), n=3, cutoff=0.6)
    last = wanted.rsplit(".", 1)[-1]
    matches += [name for name in known if name.rsplit(".", 1)[-1] == last and name not in matches]
    if matches:
        return "; did you mean " + " or ".join(sorted(matches[:3])) + "?"
    return "; known: " + ", ".join(sorted(known)[:10])


def _error(field: str, message: str, kind: str) -> dict[str, Any]:
    return {"loc": ["body", *field.split(".")], "msg": message, "type": kind}
