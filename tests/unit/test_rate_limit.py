"""A function's `rate_limit` is the worker's, however many main processes it has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app.hints import HEADER
from app.worker import strategy as strategies
from app.worker.consumer import SteadyConsumer
from tests.support.environment import use_settings


@pytest.mark.parametrize(("share", "per_second"), [(None, 10.0), (0.25, 2.5)])
def test_a_main_process_has_its_share(
    clean_settings: pytest.MonkeyPatch, share: float | None, per_second: float
) -> None:
    use_settings(clean_settings, **({} if share is None else {"worker_share": share}))
    consumer: Any = object.__new__(SteadyConsumer)
    limited = SimpleNamespace(rate_limit="600/m")
    assert consumer.bucket_for_task(limited).fill_rate == pytest.approx(per_second)
    assert consumer.bucket_for_task(SimpleNamespace(rate_limit=None)) is None


@pytest.mark.parametrize(("hint", "limited"), [(True, False), (False, True)])
def test_a_hint_is_not_limited_again_where_it_is_read(
    clean_settings: pytest.MonkeyPatch, hint: bool, limited: bool
) -> None:
    """Its rate is that of all workers together, which the feed has minded."""
    seen = []

    def remember(task: Any, app: Any, consumer: Any) -> Any:
        return lambda *_: seen.append(not consumer.disable_rate_limits)

    clean_settings.setattr(strategies, "default", remember)
    consumer = SimpleNamespace(disable_rate_limits=False, event_dispatcher=None)
    handle = strategies.strategy(None, None, consumer)
    message = SimpleNamespace(headers={HEADER: [["a", "b"]]} if hint else {})
    handle(message, None, None, None, None)
    assert seen == [limited]
