"""Which failures are the same failure: what is left of an error when chance is taken out of it.

Two attempts failed alike if the function, the type of the exception, the frames of the traceback and
the first line of the message agree, apart from what differs between runs and machines: numbers and
ids, line numbers, and where packages are installed.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# The type of what is beyond the number of groups that are told apart, and of errors that name none.
OTHER, UNKNOWN = "(other)", "(unknown)"
# Characters that are looked at. Longer texts are cut elsewhere, and others' reports are not trusted.
MAX_TRACEBACK = 65_536
MAX_LINE = 1000
MAX_TYPE = 200
MAX_FRAME = 200
MAX_FRAMES = 100

# Also with the bars that the traceback of an exception group has before it.
_FRAME = re.compile(r'^[ |+-]*File "([^"\n]+)", line \d+(?:, in ([^\n]+))?', re.MULTILINE)
# What follows the last of these is the same wherever Python and its packages are installed.
_PACKAGES = re.compile(r"(?:site|dist)-packages/|/lib/python3(?:\.\d+)?/")
_PATH = re.compile(r"(?:/[^\s/'\":,;()\[\]]+){2,}/?|[A-Za-z]:\\[^\s'\":,;()\[\]]+")
# An address of mail, also the name of a worker: w1@host.
_ADDRESS = re.compile(r"[^\s@'\"<>()]{1,100}@[^\s@'\"<>()]{1,100}")
# Words of ASCII, because others are written without spaces between a word and a number.
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_DIGITS = re.compile(r"\d+")


class Failure(NamedTuple):
    """A failure without chance: what groups tell apart. `frames` outermost first, each once."""

    celery_task_name: str
    type: str
    message: str
    frames: tuple[str, ...]

    @property
    def fingerprint(self) -> uuid.UUID:
        """The same for failures that are the same: half of a SHA-256."""
        parts = (self.celery_task_name, self.type, self.message, *self.frames)
        # A separator that no part can hold, or two lists of parts could read alike.
        text = "\0".join(part.replace("\0", "") for part in parts)
        digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()
        return uuid.UUID(bytes=digest[:16])

    @property
    def other(self) -> Failure:
        """Where it is counted when there are too many groups: with the rest of its function."""
        return Failure(self.celery_task_name, OTHER, "", ())


def failure_of(celery_task_name: str, error: Mapping[str, Any] | None) -> Failure:
    """What is the same in every such failure.

    `error` is the `error` of a task or an attempt; None, and what is missing in it, is a failure that
    nobody described. Takes time in proportion to the texts, and looks at a bounded part of them.
    """
    given = error or {}
    return Failure(
        celery_task_name,
        str(given.get("type") or UNKNOWN)[:MAX_TYPE],
        normal_message(str(given.get("message") or "")),
        normal_frames(str(given.get("traceback") or "")),
    )


def normal_message(message: str) -> str:
    """The first line that is not empty, with `#` for numbers and ids and `<path>` for places."""
    # One line of a cut message is as good as another: its beginning is what is always there.
    lines = message[: 2 * MAX_LINE].split("\n")
    line = next((each.strip() for each in lines if each.strip()), "")[:MAX_LINE]
    line = _ADDRESS.sub("#", _PATH.sub("<path>", line))
    return _DIGITS.sub("#", _WORD.sub(_without_number, line))


def _without_number(match: re.Match[str]) -> str:
    word = match[0]
    return "#" if any(character.isdigit() for character in word) else word


def normal_frames(traceback: str) -> tuple[str, ...]:
    """`file:function` of each frame, outermost first, causes before what they caused.

    Each once, so that it does not matter how deep a recursion went before it ended.
    """
    return tuple(dict.fromkeys(_frames(traceback[-MAX_TRACEBACK:])))[:MAX_FRAMES]


def _frames(traceback: str) -> Iterator[str]:
    for match in _FRAME.finditer(traceback):
        path, function = match[1], match[2]
        place = _normal_path(path)
        yield (f"{place}:{function.strip()}" if function else place)[:MAX_FRAME]


def _normal_path(path: str) -> str:
    """The path within its package, or the file's name for what belongs to no installed package."""
    if path.startswith("<"):
        # No file: <string>, <frozen importlib._bootstrap>, <ipython-input-3-0a1b2c>.
        return _DIGITS.sub("#", path)
    path = path.replace("\\", "/")
    *_, within = _PACKAGES.split(path)
    return within if within != path else path.rsplit("/", 1)[-1]
