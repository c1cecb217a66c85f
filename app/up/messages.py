"""What the supervisor says to the person in front of it."""

from __future__ import annotations

import sys


class Refusal(Exception):
    """The system cannot be started as things are. The text says why and names the cure."""


def say(text: str = "") -> None:
    """A line on stderr. A terminal that has gone away is no reason to stop working."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        pass
