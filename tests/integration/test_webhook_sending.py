"""Sending: what a real receiver gets, and what its answers make of a delivery and of its webhook."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.core.errors import NotFound
from app.core.security import Principal, Role
from app.db.session import async_session
from app.domain.webhook import MAX_ATTEMPTS
from app.maintenance.webhooks import MOST, MOST_OF_USER, MOST_OF_WEBHOOK, Sender
from app.models import User, Webhook, WebhookDelivery
from app.services import delivery as deliveries_service
from app.services import webhook as service
from app.services.doctor.webhooks import overdue
from tests.support.api import eventually
from tests.support.databases import on_sqlite
from tests.support.environment import use_settings
from tests.support.receiver import Receiver, receiving
from tests.support.webhooks import deliveries, force_due, row_of, user, webhook
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("no_feeder", "local_receivers")
# Where the statements are not the matter.


@pytest.fixture
def local_receivers(settings: Any, clean_settings: pytest.MonkeyPatch) -> None:
    """Receivers of tests are on this machine."""
    use_settings(clean_settings, webhook_allowed_networks="127.0.0.0/8")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that takes everything."""
    with receiving() as opened:
        yield opened


async def owner_of(receiver: Receiver, **wanted: Any) -> tuple[Principal, uuid.UUID, str]:
    """A user, and the webhook that calls the receiver."""
    owner = await user()
    hook, secret = await webhook(owner, receiver.url, **wanted)
    return owner, hook, secret


def succeed(world: World, owner: Principal, number: int = 1) -> None:
    """So many tasks of the user end."""
    for _ in range(number):
        world.settle(world.running(user_id=owner.user_id))


async def send(world: World, sender: Sender | None = None) -> int:
    """One round, to its end; how many were sent."""
    sender = sender or Sender(world.database)
    begun = await sender.run_once()
    await sender.finish()
    return begun


async def test_a_receiver_gets_the_end_of_a_task_signed(world: World, receiver: Receiver) -> None:
    owner, hook, secret = await owner_of(receiver)
    succeed(world, owner)
    assert await send(world) == 1
    (got,) = receiver.received
    (told,) = deliveries(world, hook)
    assert got.is_signed_with(secret)
    assert not got.is_signed_with("whsec_AAAA")
    assert got.id == f"task-{told.task_id}"
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60
    assert (got.json["type"], got.json["data"]["id"]) == ("task.succeeded", str(told.task_id))
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert (told.status, told.attempts, told.response_status, told.error) == (
        "succeeded", 1, 204, None,
    )  # fmt: skip
    assert await send(world) == 0


async def test_what_fails_is_sent_again_under_the_same_id_until_it_is_taken(world: World) -> None:
    with receiving(500, 503, 200, body=b"thanks") as receiver:
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        for attempt, (status, delay) in enumerate([(500, 5), (503, 300)], start=1):
            await send(world)
            (told,) = deliveries(world, hook)
            assert (told.status, told.attempts, told.response_status) == (
                "pending",
                attempt,
                status,
            )
            wait = told.next_attempt_at - told.last_attempt_at
            assert timedelta(seconds=0.89 * delay) < wait < timedelta(seconds=1.12 * delay)
            assert await send(world) == 0
            assert row_of(world, hook).failing_since is not None
            force_due(world)
        await send(world)
        (told,) = deliveries(world, hook)
        assert (told.status, told.attempts, told.response_body) == ("succeeded", 3, "thanks")
        assert row_of(world, hook).failing_since is None
        assert len({(got.id, got.body) for got in receiver.received}) == 1
        assert len(receiver.received) == 3


async def test_after_the_last_attempt_it_has_failed_and_can_be_replayed(world: World) -> None:
    with receiving(500, 200) as receiver:
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        force_due(world, attempts=MAX_ATTEMPTS - 1)
        await send(world)
        (told,) = deliveries(world, hook)
        assert (told.status, told.attempts) == ("failed", MAX_ATTEMPTS)
        assert await send(world) == 0
        async with async_session() as db:
            again = await deliveries_service.replay(db, hook, told.id, owner=owner.user_id)
        assert (again.status, again.attempts) == ("pending", 0)
        await send(world)
        (told,) = deliveries(world, hook)
        assert (told.status, told.attempts) == ("succeeded", 1)
        assert len({got.id for got in receiver.received}) == 1


@pytest.mark.parametrize("attempts", [0, 3])
async def test_a_replay_counts_and_not_the_attempt_that_was_under_way(
    world: World, attempts: int
) -> None:
    with receiving(500) as receiver:
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        force_due(world, attempts=attempts)
        receiver.held.clear()
        sender = Sender(world.database)
        await sender.run_once()
        async with async_session() as db:
            told = deliveries(world, hook)[0]
            await deliveries_service.replay(db, hook, told.id, owner=owner.user_id)
        receiver.held.set()
        await sender.finish()
        (told,) = deliveries(world, hook)
        assert (told.status, told.attempts, told.response_status) == ("pending", 0, None)


async def test_410_disables_the_webhook(world: World) -> None:
    with receiving(410) as receiver:
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        await send(world)
        row = row_of(world, hook)
        assert not row.active
        assert "410" in row.disabled_reason
        succeed(world, owner)
        assert len(deliveries(world, hook)) == 1


@pytest.mark.parametrize("status", [410, 500, 204])
async def test_what_an_earlier_url_answers_says_nothing_about_the_new_one(
    world: World, status: int
) -> None:
    with receiving(status) as receiver:
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        long_ago = world.now() - timedelta(days=6)
        world.database.execute(update(Webhook).values(failing_since=long_ago))
        receiver.held.clear()
        sender = Sender(world.database)
        await sender.run_once()
        async with async_session() as db:
            moved = await service.change(
                db, hook, {"url": "http://127.0.0.1:9999/"}, owner=owner.user_id
            )
        assert moved.failing_since is None
        world.database.execute(update(Webhook).values(failing_since=long_ago))
        receiver.held.set()
        await sender.finish()
        row = row_of(world, hook)
        assert (row.active, row.failing_since, row.disabled_reason) == (True, long_ago, None)


async def test_what_has_failed_for_days_is_disabled_until_somebody_activates_it(
    world: World,
) -> None:
    with receiving(500) as receiver:
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        await send(world)
        assert row_of(world, hook).active
        long_ago = world.now() - timedelta(days=5, seconds=1)
        world.database.execute(update(Webhook).values(failing_since=long_ago))
        force_due(world)
        await send(world)
        row = row_of(world, hook)
        assert not row.active
        assert "5 days" in row.disabled_reason
        force_due(world)
        assert await send(world) == 0
        async with async_session() as db:
            made = await service.change(db, hook, {"active": True}, owner=owner.user_id)
        assert (made.active, made.disabled_reason, made.failing_since) == (True, None, None)
        assert await send(world) == 1


@on_sqlite
@pytest.mark.parametrize("status", [301, 307])
async def test_redirects_are_not_followed(world: World, status: int) -> None:
    with receiving(status) as receiver:
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        await send(world)
        (told,) = deliveries(world, hook)
        assert (told.status, told.response_status) == ("pending", status)
        assert "Redirects are not followed" in told.error
        assert len(receiver.received) == 1


@on_sqlite
async def test_of_an_answer_only_the_beginning_is_kept(world: World) -> None:
    with receiving(200, body=b"\x00\xff" + b"a" * 5_000_000) as receiver:
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        await send(world)
        (told,) = deliveries(world, hook)
        assert told.status == "succeeded"
        assert told.response_body.startswith("\\x00�aaa")
        assert len(told.response_body) <= 1024


@on_sqlite
async def test_one_slow_receiver_holds_up_no_other(world: World, receiver: Receiver) -> None:
    with receiving() as slow:
        slow.held.clear()
        owner = await user()
        stuck, _ = await webhook(owner, slow.url)
        quick, _ = await webhook(owner, receiver.url)
        succeed(world, owner, 6)
        sender = Sender(world.database)

        async def all_quick_ones_are_sent() -> bool:
            await sender.run_once()
            return all(each.status == "succeeded" for each in deliveries(world, quick))

        await eventually(all_quick_ones_are_sent, within=60, what="the quick receiver has all")
        assert (len(receiver.received), receiver.most_at_once <= MOST_OF_WEBHOOK) == (6, True)
        assert len(slow.received) == MOST_OF_WEBHOOK
        slow.held.set()
        await sender.finish()
        assert {each.status for each in deliveries(world, stuck)} == {"pending", "succeeded"}


@on_sqlite
async def test_so_many_are_under_way_and_no_more(
    world: World, clean_settings: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver:
        receiver.held.clear()
        users = MOST // MOST_OF_USER + 1
        hooks = MOST_OF_USER // MOST_OF_WEBHOOK + 1
        for number in range(users):
            owner = await user(f"u{number}@example.org")
            for _ in range(hooks):
                await webhook(owner, receiver.url)
            succeed(world, owner, MOST_OF_WEBHOOK + 1)
        sender = Sender(world.database)
        begun = [await sender.run_once() for _ in range(3)]
        assert begun == [MOST, 0, 0]
        receiver.held.set()
        await sender.finish()
        assert await send(world, sender) > 0
        await sender.finish()
        assert receiver.most_at_once <= MOST


@on_sqlite
async def test_one_that_is_broken_off_is_sent_again_when_its_claim_is_over(world: World) -> None:
    with receiving() as receiver:
        receiver.held.clear()
        owner, hook, _ = await owner_of(receiver)
        succeed(world, owner)
        sender = Sender(world.database)
        assert await sender.run_once() == 1
        await sender.close()
        (told,) = deliveries(world, hook)
        assert (told.status, told.attempts) == ("pending", 0)
        assert timedelta(seconds=5) < told.next_attempt_at - world.now() < timedelta(seconds=21)
        receiver.held.set()
        force_due(world)
        assert await send(world) == 1
        assert deliveries(world, hook)[0].status == "succeeded"


async def test_two_senders_send_nothing_twice(world: World, receiver: Receiver) -> None:
    owner, _, _ = await owner_of(receiver)
    succeed(world, owner, 8)
    senders = [Sender(world.database) for _ in range(2)]
    while sum(await asyncio.gather(*(each.run_once() for each in senders))):
        await asyncio.gather(*(each.finish() for each in senders))
    assert len(receiver.received) == len({got.id for got in receiver.received}) == 8


async def test_for_a_day_both_secrets_are_signed_with(world: World, receiver: Receiver) -> None:
    owner, hook, old = await owner_of(receiver)
    async with async_session() as db:
        _, new = await service.rotate_secret(db, hook, owner=owner.user_id)
    succeed(world, owner)
    await send(world)
    assert old != new
    assert all(receiver.received[0].is_signed_with(each) for each in (old, new))
    over = world.now() - timedelta(seconds=1)
    world.database.execute(update(Webhook).values(previous_until=over))
    succeed(world, owner)
    await send(world)
    assert [receiver.received[1].is_signed_with(each) for each in (old, new)] == [False, True]


@on_sqlite
async def test_another_secret_key_is_said_and_not_signed_with(
    world: World, receiver: Receiver, clean_settings: pytest.MonkeyPatch
) -> None:
    owner, hook, _ = await owner_of(receiver)
    succeed(world, owner)
    use_settings(clean_settings, secret_key="another one " * 4)
    await send(world)
    assert receiver.received == []
    assert "rotate the secret" in deliveries(world, hook)[0].error


async def test_who_may_not_see_the_tasks_any_more_is_told_nothing(
    world: World, receiver: Receiver
) -> None:
    owner = await user()
    operator = await user("op@example.org", Role.OPERATOR)
    all_, _ = await webhook(operator, receiver.url, everybody=True)
    own, _ = await webhook(owner, receiver.url)
    succeed(world, owner)
    now_users = update(User).where(User.id == operator.user_id).values(role="user")
    world.database.execute(now_users)
    gone = update(User).where(User.id == owner.user_id).values(disabled_at=world.now())
    world.database.execute(gone)
    assert await send(world) == 0
    async with async_session() as db:
        assert await service.list_webhooks(db, owner=operator.user_id) == []
        with pytest.raises(NotFound):
            await deliveries_service.list_deliveries(db, all_, owner=operator.user_id)
    world.database.execute(now_users.values(role="operator"))
    assert await send(world) == 1
    assert [deliveries(world, each)[0].status for each in (all_, own)] == ["succeeded", "pending"]


async def test_doctor_names_what_should_long_have_been_sent(
    world: World, receiver: Receiver
) -> None:
    owner, hook, _ = await owner_of(receiver)
    succeed(world, owner)
    async with async_session() as db:
        assert await overdue(db) is None
    past = world.now() - timedelta(minutes=3)
    world.database.execute(update(WebhookDelivery).values(next_attempt_at=past))
    async with async_session() as db:
        found = await overdue(db)
        assert found is not None
        assert found.found.startswith("1 deliveries")
    async with async_session() as db:
        await service.change(db, hook, {"active": False}, owner=owner.user_id)
        assert await overdue(db) is None
