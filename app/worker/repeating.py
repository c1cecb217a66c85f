"""What an agent does again and again, whatever goes wrong once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from app.core.logging import get_logger
from app.core.text import first_line
from app.db.session import is_transient

log = get_logger(__name__)


class Step:
    """Something that is done again and again; when it fails, that is logged, and it comes again."""

    def __init__(self, name: str, call: Callable[[], Awaitable[object]]) -> None:
        self._name = name
        self._call = call
        self._failing = False

    async def do(self) -> None:
        """Do it once. Raises nothing that it raises."""
        try:
            await self._call()
            if self._failing:
                log.info("agent_step_recovered", step=self._name)
            self._failing = False
        except SQLAlchemyError as exc:
            if not self._failing or not is_transient(exc):
                log.warning(
                    "agent_step_failed",
                    step=self._name,
                    error=first_line(exc),
                    cure="it is repeated; check DATABASE_URL and the server",
                )
            self._failing = True
        except Exception:
            log.exception("agent_step_failed", step=self._name)


async def repeat(step: Step, pause: Callable[[], float], wake: asyncio.Event | None = None) -> None:
    """Do the step for ever, with a pause of so many seconds between, which `wake` ends."""
    while True:
        await step.do()
        if wake is None:
            await asyncio.sleep(pause())
            continue
        # Not wait_for: until Python 3.12 that forgets a cancellation which comes with the wake.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause()):
                await wake.wait()
        wake.clear()


async def follow(step: Step, due: asyncio.Event) -> None:
    """Do the step for ever, each time that it is due."""
    while True:
        await due.wait()
        due.clear()
        await step.do()
