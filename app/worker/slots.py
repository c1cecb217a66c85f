"""The slots of a prefork pool, filled again as soon as a process has ended.

Celery learns of an end when the process's pipe closes, which the kernel does a moment before it
lets anybody wait for the process. So its one look often finds it still there, and the next look is
that of a timer of five seconds. Until then the slot is empty, and what was sent there counts as in
hand.
"""

from __future__ import annotations

from typing import Any

from celery.concurrency.asynpool import AsynPool
from celery.concurrency.prefork import TaskPool

# Between the two pass milliseconds, more where the machine is busy or much memory is given back.
LOOK_SECONDS = 0.05
# For a second; what takes longer is left to Celery's timer.
LOOKS = 20


class PromptPool(AsynPool):
    """Celery's pool, which looks again until the process that has ended is out of it."""

    # Not in Celery's type stubs.
    _pool: list[Any]

    def _event_process_exit(self, hub: Any, process: Any) -> None:
        super()._event_process_exit(hub, process)  # type: ignore[misc]
        self._look_again(hub, process, LOOKS)

    def _look_again(self, hub: Any, process: Any, looks: int) -> None:
        if looks and process in self._pool:
            hub.call_later(LOOK_SECONDS, self._look, hub, process, looks - 1)

    def _look(self, hub: Any, process: Any, looks: int) -> None:
        self.maintain_pool()
        self._look_again(hub, process, looks)


def fill_at_once() -> None:
    """Have this worker's pool do so. Before it starts."""
    TaskPool.Pool = PromptPool
