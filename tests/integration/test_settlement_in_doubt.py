"""Claims and settlements whose answer gets lost on a slow line, after they were committed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.db.session import Database
from app.domain.lifecycle import Reason, TaskStatus
from app.hints import HintRow
from app.queries import claims
from app.services import attempts
from app.worker import execution, outcome, reports, settling
from app.worker.claim import Claim
from app.worker.link import Link
from app.worker.signals import RetryLater
from tests.support.chaos.proxy import TcpProxy
from tests.support.environment import use_settings
from tests.support.postgres import Postgres
from tests.support.world import NOOP, QUEUE, Pair, World

# With a lease of 3 s an exchange is given up after 1.5 s: this much late each way, the statement
# arrives in time and its answer does not.
LATE_SECONDS = 0.9
SLOW_FOR_SECONDS = 1.6


class Line(Link):
    """What the worker tells its agent; there is none here."""

    def __init__(self) -> None:
        super().__init__("", lambda order, celery_id: None, "w1", 0)
        self.told: list[tuple[str | None, bool, bool]] = []

    def settled(
        self, row: HintRow, again: str | None, deleted: bool, seconds: float | None
    ) -> None:
        super().settled(row, again, deleted, seconds)
        self.told.append((again, deleted, seconds is not None))


@pytest.fixture
def world(
    clean_settings: pytest.MonkeyPatch, postgres_url: str, broker_url: str, tmp_path: Path
) -> Iterator[World]:
    """The test's own view of the database, past the line."""
    use_settings(
        clean_settings,
        database_url=postgres_url,
        celery_broker_url=broker_url,
        data_dir=tmp_path,
        lease_seconds=3,
        heartbeat_seconds=1,
    )
    opened = World()
    opened.database.execute(claims.settled_already(uuid.uuid4(), uuid.uuid4()))
    yield opened
    opened.close()


@pytest.fixture
def slow(
    world: World, monkeypatch: pytest.MonkeyPatch, postgres: Postgres, postgres_url: str
) -> Iterator[Callable[[], None]]:
    """Makes the worker's line slow for a moment, from now on."""
    with TcpProxy("127.0.0.1", postgres.port) as proxy:
        url = postgres_url.replace(str(postgres.port), str(proxy.port))
        use_settings(monkeypatch, database_url=url)
        through = Database()
        through.execute(claims.settled_already(uuid.uuid4(), uuid.uuid4()))
        for module in (execution, settling, reports):
            for name in ("database", "relaxed_database"):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, lambda: through)

        def make_slow() -> None:
            proxy.delay(LATE_SECONDS)
            timer = threading.Timer(SLOW_FOR_SECONDS, proxy.pass_)
            timer.daemon = True
            timer.start()

        yield make_slow
        proxy.pass_()
        through.close()


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    told = Line()
    monkeypatch.setattr(execution, "link", lambda: told)
    monkeypatch.setattr("app.worker.claim.link", lambda: told)
    return told


def waiting(world: World, **fields: Any) -> Pair:
    """A row whose hint is out."""
    task_id = world.add(**fields)
    world.mark(task_id)
    return world.pair(task_id)


def run(pair: Pair, body: Callable[[Claim], Any]) -> tuple[settling.Ran, list[str]]:
    """Run a hint's row; also what was logged."""
    row = HintRow(*pair, None, None)
    with capture_logs() as logged:
        ran = execution.run_rows([row], execution.Message(QUEUE, NOOP, "w1", body))
    return ran, [each["event"] for each in logged]


def test_a_claim_that_was_committed_is_the_attempt_it_was_asked_for(
    world: World, slow: Callable[[], None], line: Line
) -> None:
    pair = waiting(world)
    slow()
    ran, logged = run(pair, lambda claim: claim.attempt)
    assert (ran.value, ran.claimed) == (1, True)
    assert "database_unreachable" in logged
    assert world.row(pair[0]).status == TaskStatus.SUCCEEDED
    assert world.row(pair[0]).attempt == 1


def test_a_settlement_that_was_committed_counts_as_settled(
    world: World, slow: Callable[[], None], line: Line
) -> None:
    pair = waiting(world)

    def body(claim: Claim) -> str:
        slow()
        return "worth keeping"

    ran, logged = run(pair, body)
    assert ran.value == "worth keeping"
    assert "database_unreachable" in logged
    assert "settlement_refused" not in logged
    assert world.row(pair[0]).result == "worth keeping"
    assert line.told == [(None, False, True)]


def test_a_failure_that_was_committed_counts_as_settled(
    world: World, slow: Callable[[], None], line: Line
) -> None:
    pair = waiting(world, max_attempts=1)

    def body(claim: Claim) -> None:
        slow()
        raise ValueError("planned")

    ran, logged = run(pair, body)
    assert isinstance(ran.error, ValueError)
    assert "settlement_refused" not in logged
    assert world.row(pair[0]).reason == Reason.EXCEPTION


def test_a_retry_that_was_committed_is_one_retry(
    world: World, slow: Callable[[], None], line: Line
) -> None:
    pair = waiting(world, max_attempts=3)

    def body(claim: Claim) -> None:
        slow()
        raise RetryLater(0)

    _, logged = run(pair, body)
    assert "settlement_refused" not in logged
    row = world.row(pair[0])
    assert (row.status, row.attempt, row.tries) == (TaskStatus.PENDING, 1, 0)
    assert len(world.history(pair[0])) == 1
    assert line.told == [(QUEUE, False, True)]


def test_a_task_to_be_deleted_goes_although_its_settlement_was_in_doubt(
    world: World, slow: Callable[[], None], line: Line
) -> None:
    pair = waiting(world)

    def body(claim: Claim) -> None:
        world.force(pair[0], delete_requested_at=world.now())
        slow()

    run(pair, body)
    assert world.gone(pair[0])
    assert line.told == [(None, True, True)]


def test_what_a_rescue_wrote_is_no_settlement_of_the_attempt(world: World) -> None:
    pair = world.running(max_attempts=1)
    attempts.lose(world.database, pair, "crash", "lost")
    assert attempts.settled_already(world.database, pair) is None


def test_what_a_rescue_gave_back_is_no_settlement_of_the_attempt(world: World) -> None:
    pair = world.running(max_attempts=3)
    attempts.lose(world.database, pair, "crash", "lost")
    assert attempts.settled_already(world.database, pair) is None


def test_an_outcome_that_cannot_be_stored_fails_the_attempt(
    world: World, slow: Callable[[], None], line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row never stays running because of what its function returned."""
    unfit = attempts.Outcome(TaskStatus.SUCCEEDED, result='"nul: \x00"')
    monkeypatch.setattr(outcome, "succeeded", lambda value, attempt: unfit)
    pair = waiting(world)
    _, logged = run(pair, lambda claim: None)
    assert "outcome_not_stored" in logged
    row = world.row(pair[0])
    assert row.status == TaskStatus.FAILED
    assert "could not be stored" in row.error["message"]
    assert len(line.told) == 1


def test_lines_and_progress_of_an_outage_are_written_before_the_settlement(
    world: World, slow: Callable[[], None], line: Line
) -> None:
    pair = waiting(world)

    def body(claim: Claim) -> None:
        gathered = reports.reports_of(claim)
        gathered.line("before", "info")
        time.sleep(reports.INTERVAL_SECONDS)  # so that the next line is written at once
        slow()
        gathered.line("meanwhile", "info")
        gathered.progress(40, "meanwhile")

    _, logged = run(pair, body)
    assert "report_not_written" in logged
    kept = [row.message for row in world.database.execute(_logs(pair[0])).all()]
    # The second one's answer was lost: it may be there twice, and it is not lost.
    assert kept[:2] == ["before", "meanwhile"]
    assert set(kept) == {"before", "meanwhile"}
    assert world.row(pair[0]).progress_message == "meanwhile"


def _logs(task_id: uuid.UUID) -> Any:
    from app.queries import tasks

    return tasks.logs(task_id, 0, 100)


def test_a_settlement_and_the_next_claim_are_both_what_was_committed(
    world: World, slow: Callable[[], None], line: Line
) -> None:
    pairs = [waiting(world), waiting(world)]
    seen: list[tuple[uuid.UUID, int]] = []

    def body(claim: Claim) -> None:
        seen.append((claim.task_id, claim.attempt))
        if len(seen) == 1:
            slow()

    rows = [HintRow(*pair, None, None) for pair in pairs]
    with capture_logs() as logged:
        execution.run_rows(rows, execution.Message(QUEUE, NOOP, "w1", body))
    events = [each["event"] for each in logged]
    assert "database_unreachable" in events
    assert "settlement_refused" not in events
    assert seen == [(pair[0], 1) for pair in pairs]
    for task_id, _ in pairs:
        assert world.row(task_id).status == TaskStatus.SUCCEEDED
        assert world.row(task_id).attempt == 1


def test_a_row_that_somebody_else_has_does_not_hold_up_the_settlement_before_it(
    world: World, slow: Callable[[], None], line: Line
) -> None:
    pairs = [waiting(world), waiting(world), waiting(world)]
    world.claim(pairs[1], worker="w2")
    ran: list[uuid.UUID] = []
    rows = [HintRow(*pair, None, None) for pair in pairs]
    message = execution.Message(QUEUE, NOOP, "w1", lambda claim: ran.append(claim.task_id))
    execution.run_rows(rows, message)
    assert ran == [pairs[0][0], pairs[2][0]]
    assert [world.row(task).status for task, _ in pairs] == ["succeeded", "running", "succeeded"]


def test_an_outcome_that_cannot_be_stored_does_not_keep_the_next_row_waiting(
    world: World, slow: Callable[[], None], line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [waiting(world), waiting(world)]
    unfit = attempts.Outcome(TaskStatus.SUCCEEDED, result="\x00")
    outcomes = iter([unfit, attempts.Outcome(TaskStatus.SUCCEEDED)])
    monkeypatch.setattr(outcome, "succeeded", lambda value, attempt: next(outcomes))
    rows = [HintRow(*pair, None, None) for pair in pairs]
    execution.run_rows(rows, execution.Message(QUEUE, NOOP, "w1", lambda claim: None))
    assert [world.row(task).status for task, _ in pairs] == ["failed", "succeeded"]
    assert [world.row(task).attempt for task, _ in pairs] == [1, 1]
