"""The terminal as a whole: taken, drawn on, and given back as it was."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from contextlib import AbstractContextManager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text


class Screen(AbstractContextManager["Screen"]):
    """Within its context the terminal shows what is drawn, and what is typed is not echoed.

    Rich's `Live` draws on the alternate screen and hides the cursor; reading single keys is one
    call of `tty`. Ctrl-C, Ctrl-Z and Ctrl-\\ stay signals.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self.keyboard = sys.stdin.fileno()
        self._before = termios.tcgetattr(self.keyboard)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A name that the terminal's encoding lacks is no reason to end.
            sys.stdout.reconfigure(errors="replace")

    def __enter__(self) -> Screen:
        try:
            tty.setcbreak(self.keyboard)
            self._live = Live(console=self._console, screen=True, auto_refresh=False)
            self._live.start()
        except BaseException:
            self._give_back()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        live, self._live = self._live, None
        # The terminal itself may be gone, which is then why this ends.
        try:
            if live is not None:
                with contextlib.suppress(OSError):
                    live.stop()
        finally:
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(self.keyboard, termios.TCSANOW, self._before)

    def draw(self, lines: Sequence[Text]) -> None:
        """Show these lines."""
        if self._live is not None:
            self._live.update(Group(*lines), refresh=True)

    def clear(self) -> None:
        """Forget what was drawn, as after a change of the size."""
        self._console.clear()

    def suspend(self) -> None:
        """Stop this process, as Ctrl-Z does, with the terminal given back meanwhile."""
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self.__enter__()
