"""What attempts keep for the next one, on both databases."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.db.exchanges import Fetched
from app.db.session import Database
from app.domain.lifecycle import Reason
from app.hints import HintRow
from app.models import TaskCheckpoint
from app.queries import checkpoints as queries
from app.services import attempts
from app.services.attempts import Settled
from app.worker import checkpoints, connections, execution, helpers, settling
from app.worker.burst import BurstRun
from app.worker.claim import Claim
from app.worker.signals import AttemptLost
from tests.support.api import Api
from tests.support.processes import wait_until
from tests.support.world import NOOP, QUEUE, Pair, World

LIMIT = checkpoints.MAX_BYTES
TASKS = "/api/v1/tasks/"


class Forgetful(Database):
    """Counts statements, and loses the answers of the next ones after they were committed."""

    lost = 0
    asked = 0

    def execute(self, statement: Any, parameters: Any = None) -> Fetched:
        self.asked += 1
        answer = super().execute(statement, parameters)
        if self.lost:
            self.lost -= 1
            raise OperationalError("COMMIT", None, Exception("the line broke"))
        return answer


@pytest.fixture
def database(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forgetful]:
    """What checkpoints are kept with; `world` is the test's own."""
    opened = Forgetful()
    for name in ("database", "relaxed_database"):
        monkeypatch.setattr(checkpoints, name, lambda: opened)
    for module in (execution, settling):
        monkeypatch.setattr(module, "database", lambda: world.database)
    monkeypatch.setattr("app.worker.burst.database", lambda: world.database)
    monkeypatch.setattr(connections, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("app.dispatch.wake", lambda queue: None)
    yield opened
    opened.close()


def claim_of(pair: Pair, attempt: int = 1) -> Claim:
    """The attempt as its process knows it."""
    return Claim(
        task_id=pair[0], celery_id=pair[1], attempt=attempt, tries=attempt, max_attempts=9,
        requeue_on_interrupt=True, args=[], kwargs={}, queue=QUEUE, name=NOOP,
    )  # fmt: skip


def hinted(world: World, **fields: Any) -> HintRow:
    """A waiting row whose hint is out."""
    task_id = world.add(**fields)
    world.mark(task_id)
    return HintRow(*world.pair(task_id), None, None)


def run(row: HintRow, body: Callable[[Claim], Any]) -> None:
    """Deliver the hint."""
    execution.run_rows([row], execution.Message(QUEUE, NOOP, "w1", body))


def died_and_claimed_again(world: World, pair: Pair) -> Claim:
    """The attempt's process has died, and the next attempt begins."""
    given_back = attempts.lose(world.database, pair, "crash", "it was killed")
    assert isinstance(given_back, Settled)
    world.force(pair[0], rank=1)
    world.mark(pair[0])
    (row,) = world.claim(world.pair(pair[0]), worker="w2")
    return claim_of((row.id, row.celery_id), row.attempt)


def kept(world: World, task_id: uuid.UUID) -> Any:
    statement = select(TaskCheckpoint).where(TaskCheckpoint.task_id == task_id)
    row = world.database.execute(statement).first()
    return None if row is None else (row.attempt, row.state)


# -- for the next attempt ---------------------------------------------------------------------


def test_the_next_attempt_goes_on_from_there(world: World, database: Forgetful) -> None:
    pair = world.running(max_attempts=9)
    with claim_of(pair).body():
        assert helpers.checkpoint_state() is None
        helpers.checkpoint({"done": 1})
        helpers.checkpoint({"done": 2, "text": "数\x00据", "many": 2**80})
    second = died_and_claimed_again(world, pair)
    with second.body():
        state = helpers.checkpoint_state()
        assert state == {"done": 2, "text": "数\x00据", "many": 2**80}
        state["done"] = 99
        assert helpers.checkpoint_state()["done"] == 2
        helpers.checkpoint([3])
        assert helpers.checkpoint_state() == [3]
    assert kept(world, pair[0]) == (2, [3])


def test_it_is_stored_when_the_call_returns(world: World, database: Forgetful) -> None:
    pair = world.running()
    with claim_of(pair).body():
        helpers.checkpoint("here")
        assert kept(world, pair[0]) == (1, "here")


def test_an_answer_that_gets_lost_is_asked_for_again(world: World, database: Forgetful) -> None:
    pair = world.running()
    with claim_of(pair).body():
        database.lost = 2
        helpers.checkpoint(7)
    assert (database.lost, kept(world, pair[0])) == (0, (1, 7))


def test_another_task_has_its_own(world: World, database: Forgetful) -> None:
    first, second = world.running(), world.running()
    with claim_of(first).body():
        helpers.checkpoint("first")
    with claim_of(second, attempt=2).body():
        assert helpers.checkpoint_state() is None


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize("state", [object(), {1, 2}, float("nan"), "\ud800"])
def test_what_is_not_json_is_refused_and_the_earlier_one_stays(
    world: World, database: Forgetful, state: Any
) -> None:
    pair = world.running()
    with claim_of(pair).body():
        helpers.checkpoint("good")
        with pytest.raises(ValueError, match="not JSON"):
            helpers.checkpoint(state)
        assert helpers.checkpoint_state() == "good"
    assert kept(world, pair[0]) == (1, "good")


def test_256_kib_are_kept_and_not_a_byte_more(world: World, database: Forgetful) -> None:
    pair = world.running()
    with claim_of(pair).body():
        helpers.checkpoint("x" * (LIMIT - 2))
        for state in ("x" * (LIMIT - 1), "数" * (LIMIT // 3)):
            with pytest.raises(ValueError, match=r"at most 262,144 are kept: store it outside"):
                helpers.checkpoint(state)
    assert kept(world, pair[0]) == (1, "x" * (LIMIT - 2))


def test_an_attempt_that_has_lost_its_task_keeps_nothing(world: World, database: Forgetful) -> None:
    pair = world.running(max_attempts=9)
    stale = claim_of(pair)
    second = died_and_claimed_again(world, pair)
    with second.body():
        helpers.checkpoint("the successor's")
    with pytest.raises(AttemptLost), stale.body():
        helpers.checkpoint("late")
    assert stale.lost
    assert kept(world, pair[0]) == (2, "the successor's")


def test_one_that_is_given_up_while_it_writes_is_refused(world: World, database: Forgetful) -> None:
    pair = world.running(max_attempts=9)
    late: list[BaseException] = []

    def write() -> None:
        try:
            with claim_of(pair).body():
                helpers.checkpoint("late")
        except AttemptLost as lost:
            late.append(lost)

    writer = threading.Thread(target=write)
    with world.database.transaction() as connection:
        from app.queries.attempts import give_back

        statement = give_back(
            pair, wait_seconds=0, reason=Reason.WORKER_LOST.value, error=None,
            spend_try=True, crashed=True, ageing_seconds=3600,
        )  # fmt: skip
        assert connection.execute(statement).first() is not None
        writer.start()
        wait_until(lambda: database.asked, timeout=5, what="the checkpoint is on its way")
        writer.join(0.3)
        assert writer.is_alive(), "it waits for the one who gives the attempt up"
    writer.join(10)
    assert len(late) == 1
    assert kept(world, pair[0]) is None


# -- how long it is kept ----------------------------------------------------------------------


def test_it_goes_when_the_task_succeeds(world: World, database: Forgetful) -> None:
    row = hinted(world)
    run(row, lambda claim: helpers.checkpoint("half way"))
    assert world.row(row.task_id).status == "succeeded"
    assert kept(world, row.task_id) is None


def test_one_that_was_only_read_goes_as_well(world: World, database: Forgetful) -> None:
    pair = world.running(max_attempts=9)
    with claim_of(pair).body():
        helpers.checkpoint("half way")
    attempts.lose(world.database, pair, "crash", "it was killed")
    world.force(pair[0], rank=1)
    world.mark(pair[0])
    seen: list[Any] = []
    run(
        HintRow(*world.pair(pair[0]), None, None), lambda _: seen.append(helpers.checkpoint_state())
    )
    assert (seen, kept(world, pair[0])) == (["half way"], None)


def test_it_stays_with_a_task_that_fails(world: World, database: Forgetful) -> None:
    def body(claim: Claim) -> None:
        helpers.checkpoint("half way")
        raise ValueError("as planned")

    row = hinted(world)
    run(row, body)
    assert world.row(row.task_id).status == "failed"
    assert kept(world, row.task_id) == (1, "half way")


def test_a_removal_that_fails_harms_nobody(
    world: World, database: Forgetful, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(task_id: uuid.UUID) -> Any:
        raise OperationalError("DELETE", None, Exception("the line broke"))

    monkeypatch.setattr(queries, "drop_if_succeeded", away)
    row = hinted(world)
    run(row, lambda claim: helpers.checkpoint("half way"))
    assert world.row(row.task_id).status == "succeeded"
    assert kept(world, row.task_id) == (1, "half way")
    assert world.database.execute(queries.get(row.task_id)).first() is None, "it is not shown"


def test_a_task_that_keeps_nothing_pays_nothing(world: World, database: Forgetful) -> None:
    row = hinted(world)
    run(row, lambda claim: "done")
    assert (world.row(row.task_id).status, database.asked) == ("succeeded", 0)


def test_rows_of_a_burst_keep_each_their_own(world: World, database: Forgetful) -> None:
    rows = [hinted(world, max_attempts=2, kwargs={}) for _ in range(3)]
    seen: list[Any] = []

    def body(claim: Claim) -> None:
        seen.append(helpers.checkpoint_state())
        helpers.checkpoint(str(claim.task_id))
        assert kept(world, claim.task_id) == (1, str(claim.task_id))

    BurstRun(rows, execution.Message(QUEUE, NOOP, "w1", body)).run()
    assert seen == [None] * 3
    assert {world.row(row.task_id).status for row in rows} == {"succeeded"}
    assert [kept(world, row.task_id) for row in rows] == [None] * 3


# -- untracked --------------------------------------------------------------------------------


def test_untracked_it_is_kept_for_the_run_alone(world: World, database: Forgetful) -> None:
    from app.celery_app import celery_app

    @celery_app.task(bind=True, name="tests.keeps_a_state", shared=False)
    def keeps(self: Any, first: bool) -> list[Any]:
        before = self.checkpoint_state
        self.checkpoint({"n": 1})
        inner = keeps(False) if first else None
        return [before, self.checkpoint_state, inner]

    try:
        assert keeps(True) == [None, {"n": 1}, [None, {"n": 1}, None]]
        assert keeps.apply((False,)).get() == [None, {"n": 1}, None]
        with pytest.raises(ValueError, match="not JSON"):
            helpers.checkpoint(object())
    finally:
        celery_app.tasks.unregister("tests.keeps_a_state")
    helpers.checkpoint("outside any task")
    assert helpers.checkpoint_state() is None
    assert database.asked == 0


# -- the API ----------------------------------------------------------------------------------


async def test_the_api_shows_it_to_the_owner(api: Api, world: World, database: Forgetful) -> None:
    client = await api.as_user("bob@example.org")
    me = (await client.get("/api/v1/users/me")).json()["id"]
    pair = world.running(max_attempts=9, user_id=uuid.UUID(me))
    path = f"{TASKS}{pair[0]}"
    none = await client.get(f"{path}/checkpoint")
    assert (none.status_code, none.json()["code"]) == (404, "no_checkpoint")
    with claim_of(pair).body():
        helpers.checkpoint({"done": 5})
    died_and_claimed_again(world, pair)
    shown = (await client.get(f"{path}/checkpoint")).json()
    assert (shown["attempt"], shown["state"]) == (1, {"done": 5})
    first, second = (await client.get(f"{path}/attempts")).json()
    assert (first["checkpoint_at"], second["checkpoint_at"]) == (shown["written_at"], None)
    stranger: httpx2.AsyncClient = await api.as_user("eve@example.org")
    refused = await stranger.get(f"{path}/checkpoint")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
