"""Processes of a worker die; nothing that was accepted is lost, nothing runs twice."""

from __future__ import annotations

import pytest

from tests.support.chaos.scenario import Scenario


@pytest.mark.scenario("R03", quick=True)
def test_a_killed_child_is_settled_at_once(chaos: Scenario) -> None:
    chaos.start("api", "worker")
    ids = chaos.submit_many(8, "short", chaos.log, 4)
    chaos.wait(lambda: len(chaos.effects.all()) >= 3, 20, "three attempts run")
    chaos.kill(chaos.effects.all()[0].pid)
    tasks = chaos.finish()
    assert len(ids) == len(tasks) == 8
