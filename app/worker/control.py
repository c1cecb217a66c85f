"""Remote control commands that mean something else for tracked tasks.

Importing this module puts them in the place of Celery's own.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

from celery.worker.control import control_command

from app.hints import HEADER
from app.worker.bootstep import AgentLine
from app.worker.monitor import set_asked

EVENTS_SECONDS = 60.0
_events_asked_at = 0.0

# Celery's own, under the names that ours take. The stubs know none of them.
_control: Any = importlib.import_module("celery.worker.control")
_revoke, _enable_events = _control.revoke, _control.enable_events


def _is_tracked(request: Any) -> bool:
    return HEADER in (getattr(request, "_request_dict", None) or {})


@control_command(variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(
    state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **kwargs: Any
) -> Any:
    """Revoke messages. For tracked tasks this becomes a cancel, which is kept in the row.

    Celery's own list of revoked ids lives in memory and would make this worker drop any later
    message with the same id; the row decides instead.
    """
    ids = list(task_id) if isinstance(task_id, list | tuple | set) else [task_id]
    if AgentLine.current is not None:
        AgentLine.current.revoke([str(each) for each in ids])
    tracked = {request.id for request in _control._find_requests_by_id(ids) if _is_tracked(request)}
    others = [each for each in ids if each not in tracked]
    if others:
        _revoke(state, others, terminate=terminate, signal=signal, **kwargs)
    return {"ok": f"tasks {', '.join(map(str, ids))} flagged as revoked"}


@control_command(
    variadic="task_id", args=[("signal", str)], signature="<signal> [id1 [id2 [... [idN]]]]"
)
def terminate(state: Any, signal: Any, task_id: Any, **kwargs: Any) -> Any:
    """Revoke and end what already runs; for tracked tasks the same as `revoke`."""
    return revoke(state, task_id, terminate=True, signal=signal, **kwargs)


@control_command()
def enable_events(state: Any) -> Any:
    """A monitor asks for events; it has to repeat itself, or they end after a minute."""
    global _events_asked_at
    _events_asked_at = time.monotonic()
    set_asked(True)
    state.consumer.timer.call_after(EVENTS_SECONDS + 1, _end_events, (state,))
    return _enable_events(state)


def _end_events(state: Any) -> None:
    if time.monotonic() - _events_asked_at >= EVENTS_SECONDS:
        set_asked(False)
        _control.disable_events(state)
