"""Files of tasks: what `submit --from` reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from app.cli.failures import CliError, ExitCode


def read_tasks(name: str) -> list[Any]:
    """The tasks in a file, or on stdin for `-`: a JSON array, `{"tasks": [...]}`, or one a line.

    Raises `CliError` that says what is wrong with it; what is wrong with a task is the API's to say.
    """
    text = _text(name)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = [_line(name, number, line) for number, line in _lines(text)]
    if isinstance(found, dict):
        found = found["tasks"] if set(found) == {"tasks"} else [found]
    if not isinstance(found, list) or not found:
        raise _refused(f'{name} holds no tasks; write [{{"name": ..., ...}}, ...]')
    return found


def _text(name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise _refused(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _refused(f"{name} is not UTF-8 (byte {error.start})") from None


def _lines(text: str) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _line(name: str, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "it is nested too deep")
        raise _refused(f"{name}, line {number}, is not JSON: {reason}") from None


def _refused(sentence: str) -> CliError:
    return CliError(sentence, code=ExitCode.USAGE)
