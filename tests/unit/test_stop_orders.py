"""Orders of the agent inside a process: they reach the body they are about, and nothing else."""

from __future__ import annotations

import signal
import threading
import uuid
from collections.abc import Callable, Iterator

import pytest

from app.worker import claim as claims
from app.worker.claim import Claim, expect, forget, install_stop_signal, on_order
from app.worker.signals import TaskCancelled, TaskInterrupted, TaskTimedOut


@pytest.fixture(autouse=True)
def stop_signal() -> Iterator[None]:
    """As in a pool process; without a handler the signal would end this one."""
    before = signal.getsignal(signal.SIGUSR2)
    install_stop_signal()
    yield
    signal.signal(signal.SIGUSR2, before)


def _claim() -> Claim:
    return Claim(
        task_id=uuid.uuid4(), celery_id=uuid.uuid4(), attempt=1, tries=1, max_attempts=1,
        requeue_on_interrupt=False, args=[], kwargs={}, queue="default", name="f",
    )  # fmt: skip


def _in_thread(work: Callable[[], None]) -> list[BaseException]:
    """Run in a thread, where a stop is an asynchronous exception; what came out of it."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - the point of the test
            raised.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return raised


def _spin(until: Callable[[], bool] = lambda: False) -> None:
    while not until():
        sum(range(50))


def test_an_order_that_comes_before_the_body_stops_it_before_its_first_line() -> None:
    claim, ran = _claim(), []
    expect(claim.celery_id)
    on_order("cancel", str(claim.celery_id))
    with pytest.raises(TaskCancelled), claim.body():
        ran.append(1)
    assert not ran
    assert claim.stopped_by == "cooperative"


@pytest.mark.parametrize(
    ("order", "raised"), [("interrupt", TaskInterrupted), ("soft", TaskCancelled)]
)
def test_early_orders_keep_their_meaning(order: str, raised: type[BaseException]) -> None:
    claim = _claim()
    expect(claim.celery_id)
    on_order(order, str(claim.celery_id))
    with pytest.raises(raised), claim.body():
        raise AssertionError("the body ran")


def test_a_soft_limit_that_ran_out_during_the_claim_is_not_the_bodys() -> None:
    claim = _claim()
    expect(claim.celery_id)
    on_order("timeout", str(claim.celery_id))
    with claim.body():
        pass


def test_an_order_about_an_attempt_that_is_over_is_nothing() -> None:
    claim = _claim()
    expect(claim.celery_id)
    with claim.body():
        pass
    forget(claim.celery_id)
    on_order("soft", str(claim.celery_id))
    assert not claim.cancelled
    assert claim.celery_id not in claims._early


def test_a_hard_limit_is_raised_in_a_thread() -> None:
    claim = _claim()

    def body() -> None:
        claim.thread_id = threading.get_ident()
        with claim.body():
            threading.Timer(0.05, on_order, ("hard", str(claim.celery_id))).start()
            _spin()

    (raised,) = _in_thread(body)
    assert isinstance(raised, TaskTimedOut)


def test_stops_at_the_end_of_a_body_never_hit_what_follows() -> None:
    """Orders rain on attempts that end at the same moment; only a body may see one."""
    current: list[Claim] = []
    outside: list[BaseException] = []
    stopped = threading.Event()

    def orders() -> None:
        while not stopped.is_set():
            for claim in current[-1:]:
                for order in ("soft", "interrupt", "hard"):
                    on_order(order, str(claim.celery_id))

    def attempts() -> None:
        for _ in range(3000):
            claim = _claim()
            current[:] = [claim]
            try:
                with claim.body():
                    sum(range(20))
            except TaskCancelled:
                pass
            try:
                sum(range(20))  # the settlement, or the next task
            except BaseException as exc:  # noqa: BLE001 - the point of the test
                outside.append(exc)

    rain = threading.Thread(target=orders)
    rain.start()
    try:
        raised = _in_thread(attempts)
    finally:
        stopped.set()
        rain.join()
    assert (raised, outside) == ([], [])
