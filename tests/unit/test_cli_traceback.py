"""The traceback of a task's function, without the frames that are ours."""

from __future__ import annotations

import pytest

from app.cli import run_here
from app.cli.run_here import without_our_frames


def body() -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError("outer") from error


def raised() -> BaseException:
    # Compiled under the name of one of our files, it is a frame of ours.
    ours = compile("call()", run_here.__file__, "exec")
    with pytest.raises(ValueError, match="outer") as caught:
        exec(ours, {"call": body})
    # The frame of this very test stands before all; the command line's would be ours.
    trace = caught.value.__traceback__
    return caught.value.with_traceback(trace.tb_next if trace else None)


def test_the_first_frame_is_the_functions() -> None:
    lines = without_our_frames(raised()).splitlines()
    assert not any(run_here.__file__ in line for line in lines)
    assert sum("in body" in line for line in lines) == 2
    assert lines[-1] == "ValueError: outer"


def test_the_cause_is_shown_too() -> None:
    assert "KeyError: 'inner'" in without_our_frames(raised())
