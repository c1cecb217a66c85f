"""The attempt that a thread of this process runs, and how it is told to stop."""

from __future__ import annotations

import ctypes
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded

from app.core import sensitive
from app.core.current import attempts_here, current_attempt
from app.worker.link import link
from app.worker.signals import AttemptLost, TaskCancelled, TaskInterrupted, TaskTimedOut

STOP_SIGNAL = getattr(signal, "SIGUSR2", None)


@dataclass(eq=False)
class Claim:
    """One attempt. `tries` counts this one; `declared` is an outcome the body announced.

    `given_up`: it has asked for a retry that it does not get, so what it raises is final.
    """

    task_id: uuid.UUID
    celery_id: uuid.UUID
    attempt: int
    tries: int
    max_attempts: int
    requeue_on_interrupt: bool
    args: list[Any]
    kwargs: dict[str, Any]
    queue: str
    name: str
    time_limit: float | None = None
    soft_time_limit: float | None = None
    # Where it belongs in a trace, as its row says; its own span's place, once that has begun.
    trace_context: str | None = None
    place: str | None = None
    dependent: bool = False
    cancelled: bool = False
    lost: bool = False
    stopped_by: str | None = None
    declared: tuple[str, Any, str | None] | None = None
    given_up: bool = False
    thread_id: int = field(default_factory=threading.get_ident)
    _pending_stop: BaseException | None = None
    _in_body: bool = False
    # How its sensitive arguments may be written in a text, as they were before the body had them.
    secrets: tuple[str, ...] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.secrets = sensitive.texts(self.name, self.args, self.kwargs)

    @property
    def pair(self) -> tuple[uuid.UUID, uuid.UUID]:
        """What every write of this attempt is fenced by."""
        return self.task_id, self.celery_id

    def changed(self) -> None:
        """Tell whoever watches that the row has changed."""
        link().changed(self.task_id)

    def declare(self, status: str, result: Any, error: str | None) -> None:
        """Keep the outcome that the body announced, for when it returns."""
        self.declared = (status, result, error)

    def reason_to_stop(self) -> TaskCancelled | None:
        """What `raise_if_cancelled` raises now."""
        if self.lost:
            return AttemptLost("this attempt no longer holds its task")
        if self.cancelled:
            return TaskCancelled("the task was cancelled")
        return None

    @contextmanager
    def body(self) -> Iterator[None]:
        """While the user's code runs: only now may a stop be raised inside it."""
        token = current_attempt.set(self)
        attempts_here[self.task_id] = self
        try:
            _begin(self)
            self._in_body = True
            # What was ordered between the claim and here could not be raised yet.
            if (early := self.take_stop() or self.reason_to_stop()) is not None:
                raise early
            yield
        finally:
            # Two steps, because a stop may still be raised inside the first.
            try:
                self._leave()
            finally:
                self._in_body = False
                _by_celery_id.pop(self.celery_id, None)
                attempts_here.pop(self.task_id, None)
                current_attempt.reset(token)

    def _leave(self) -> None:
        """From here on a stop is a flag and no exception: the outcome is about to be written.

        One may be raised in here before the flag is down. It counts as raised by the body, but
        the leaving must be finished all the same: the next stop would hit the settlement.
        """
        raised: BaseException | None = None
        while self._in_body:
            # Twice, because the next one may come while the first is noted.
            try:
                try:
                    self._lower_flag()
                except (TaskCancelled, SoftTimeLimitExceeded) as stop:
                    raised = stop
            except (TaskCancelled, SoftTimeLimitExceeded) as stop:
                raised = stop
        if raised is not None:
            raise raised

    def _lower_flag(self) -> None:
        with self._lock:
            if self.thread_id != threading.main_thread().ident:
                # One that was set and not raised yet would hit the settlement.
                _set_in_thread(self.thread_id, None)
            self._in_body = False

    def stop(self, exception: BaseException) -> None:
        """Raise `exception` inside the body, wherever it is. Called from another thread."""
        self._pending_stop = exception
        if self.thread_id == threading.main_thread().ident and STOP_SIGNAL is not None:
            # Interrupts blocking system calls too; the handler decides in the main thread
            # whether this claim is still the one that runs.
            signal.pthread_kill(self.thread_id, STOP_SIGNAL)
        else:
            with self._lock:
                if (taken := self.take_stop()) is not None:
                    _set_in_thread(self.thread_id, type(taken))

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """A stop that is ordered meanwhile is raised at the end of the block.

        For an exchange with the database that must not be torn: its connection would be left in
        the middle of it, and the body would fail with that instead of the stop.
        """
        if threading.get_ident() != self.thread_id or not self._in_body:
            yield  # a thread of the task's own, which no stop reaches
            return
        self._in_body = False
        try:
            yield
        finally:
            self._in_body = True
        if (stop := self.take_stop()) is not None:
            raise stop

    def take_stop(self) -> BaseException | None:
        """The exception to raise now, once, or None outside the body."""
        if not self._in_body or self._pending_stop is None:
            return None
        exception, self._pending_stop = self._pending_stop, None
        return exception


_by_celery_id: dict[uuid.UUID, Claim] = {}
# Orders about attempts that are being claimed, whose body has not begun.
_early: dict[uuid.UUID, list[str]] = {}
_orders = threading.Lock()


def expect(celery_id: uuid.UUID) -> None:
    """An attempt is about to be claimed: keep what is ordered until its body begins."""
    _early[celery_id] = []


def forget(celery_id: uuid.UUID) -> None:
    """The attempt is over, or never came to be."""
    _early.pop(celery_id, None)


def _begin(claim: Claim) -> None:
    with _orders:
        early = _early.pop(claim.celery_id, [])
        _by_celery_id[claim.celery_id] = claim
    for order in early:
        _carry_out(claim, order)


def current() -> Claim | None:
    """The claim of the calling code: of this context, or of the only attempt in this process.

    The second covers threads that the body starts itself, whose context is empty.
    """
    own = current_attempt.get()
    if isinstance(own, Claim):
        return own
    if len(_by_celery_id) == 1:
        return next(iter(_by_celery_id.values()), None)
    return None


def on_order(order: str, celery_id: str) -> None:
    """An order from the agent, about one claim; ignored when that is not running here."""
    with _orders:
        key = uuid.UUID(celery_id)
        claim = _by_celery_id.get(key)
        if claim is None:
            # The time that a claim took is not the body's: a soft limit is told anew.
            if order != "timeout" and (early := _early.get(key)) is not None:
                early.append(order)
            return
    _carry_out(claim, order)


def _carry_out(claim: Claim, order: str) -> None:
    if order == "cancel":
        claim.cancelled = True
        claim.stopped_by = "cooperative"
        link().acknowledged(claim.celery_id)
    elif order == "soft":
        claim.cancelled = True
        claim.stopped_by = "soft"
        claim.stop(TaskCancelled("the task was cancelled"))
    elif order == "timeout":
        claim.stop(SoftTimeLimitExceeded(claim.soft_time_limit))
    elif order == "hard":
        claim.stop(TaskTimedOut("the task ran past its time limit"))
    elif order == "interrupt":
        claim.stop(TaskInterrupted("the worker is shutting down"))
    elif order == "lost":
        claim.lost = True
        claim.stop(AttemptLost("this attempt no longer holds its task"))


def install_stop_signal() -> None:
    """Let stops reach the main thread of this process. Called in each pool process."""
    if STOP_SIGNAL is not None and threading.current_thread() is threading.main_thread():
        signal.signal(STOP_SIGNAL, _on_stop_signal)


def _on_stop_signal(signum: int, frame: FrameType | None) -> None:
    main = threading.main_thread().ident
    for claim in list(_by_celery_id.values()):
        if claim.thread_id == main and (exception := claim.take_stop()) is not None:
            raise exception


def _set_in_thread(thread_id: int, exception: type[BaseException] | None) -> None:
    """An asynchronous exception: raised at the next bytecode, not inside a blocking call.

    None takes back one that was not raised yet.
    """
    value = None if exception is None else ctypes.py_object(exception)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), value)
