"""The same failure is recognised whatever chance adds to it, and another one is not taken for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import fingerprint
from app.domain.fingerprint import Failure, failure_of, normal_frames, normal_message
from app.worker.outcome import describe, timed_out

NAME = "shop.tasks.order"


def raised(body: Callable[..., Any], *args: Any) -> dict[str, Any]:
    """The error that is kept of what `body` raises."""
    try:
        body(*args)
    except Exception as error:  # noqa: BLE001 - whatever it raises
        return describe(error, 1)
    raise AssertionError("it did not fail")


def same(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """Whether two errors of one function are the same failure."""
    return failure_of(NAME, one).fingerprint == failure_of(NAME, other).fingerprint


def look_up(key: object) -> None:
    raise LookupError(f"no order {key}")


def look_up_elsewhere(key: object) -> None:
    raise LookupError(f"no order {key}")


def deep(depth: int) -> None:
    if depth == 0:
        raise RuntimeError("at the bottom")
    deep(depth - 1)


def ping(depth: int) -> None:
    pong(depth - 1)


def pong(depth: int) -> None:
    if depth <= 0:
        raise RuntimeError("at the bottom")
    ping(depth - 1)


def chained(key: object, *, because: bool = True) -> None:
    try:
        look_up(key)
    except LookupError as error:
        raise ValueError("no such thing") from (error if because else None)


def test_ids_and_numbers_do_not_matter() -> None:
    assert same(raised(look_up, 17), raised(look_up, 99_018))
    assert same(
        raised(look_up, "0a1b2c3d-1111-7222-8333-444455556666"),
        raised(look_up, "ffffffff-ffff-7fff-8fff-ffffffffffff"),
    )


def test_words_of_the_message_do() -> None:
    assert not same(raised(look_up, "of books"), raised(look_up, "of bread"))


def test_the_function_the_type_and_the_frames_matter() -> None:
    error = raised(look_up, 1)
    failure = failure_of(NAME, error)
    assert not same(error, raised(look_up_elsewhere, 1))
    assert not same(error, {**error, "type": "KeyError"})
    assert failure.fingerprint != failure_of("shop.tasks.pay", error).fingerprint
    assert failure.frames == ("test_fingerprint.py:raised", "test_fingerprint.py:look_up")


def test_parts_are_not_confused_with_one_another() -> None:
    one, other = Failure("a", "b", "c", ("d",)), Failure("a", "b", "c", ())
    assert one.fingerprint != other.fingerprint
    assert Failure("ab", "", "c", ()).fingerprint != Failure("a", "b", "c", ()).fingerprint


@pytest.mark.parametrize("body", [deep, ping])
def test_the_depth_of_a_recursion_does_not_matter(body: Callable[..., Any]) -> None:
    errors = [raised(body, depth) for depth in (20, 100, 300)]
    assert all(same(errors[0], error) for error in errors)
    assert not same(raised(deep, 20), raised(ping, 20))


def test_endless_recursion_is_one_failure_wherever_it_ended() -> None:
    def endless(depth: int) -> int:
        return endless(depth + 1) + 1

    def from_further_down(levels: int) -> int:
        return endless(0) if levels == 0 else from_further_down(levels - 1)

    one, other = raised(from_further_down, 1), raised(from_further_down, 40)
    assert one["type"] == "RecursionError"
    assert same(one, other)


def test_a_cause_is_part_of_the_failure() -> None:
    assert same(raised(chained, 1), raised(chained, 2))
    assert not same(raised(chained, 1), raised(lambda: chained(1, because=False)))
    frames = failure_of(NAME, raised(chained, 1)).frames
    assert frames[:2] == ("test_fingerprint.py:chained", "test_fingerprint.py:look_up")


def test_exceptions_of_a_group_have_frames() -> None:
    def group(key: int) -> None:
        errors = []
        for function in (look_up, look_up_elsewhere):
            try:
                function(key)
            except LookupError as error:
                errors.append(error)
        raise ExceptionGroup("two at once", errors)

    frames = failure_of(NAME, raised(group, 1)).frames
    assert {"test_fingerprint.py:look_up", "test_fingerprint.py:look_up_elsewhere"} <= set(frames)
    assert same(raised(group, 1), raised(group, 2))


def test_a_syntax_error_has_its_file_for_a_frame() -> None:
    def evaluate(text: str) -> None:
        compile(text, "<rules>", "exec")

    one, other = raised(evaluate, "1 +"), raised(evaluate, "\n\n22 + ")
    assert one["type"] == "SyntaxError"
    assert failure_of(NAME, one).frames[-1] == "<rules>"
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (timed_out(NAME, 300, 1), timed_out(NAME, 7.5, 2), True),
        ({"type": "worker_lost", "message": "w1@green-3 died"},
         {"type": "worker_lost", "message": "w22@blue died"}, True),
        ({"type": "worker_lost", "message": "x"}, {"type": "memory_limit", "message": "x"}, False),
        ({"type": "worker_lost", "traceback": None}, {"type": "worker_lost"}, True),
        (None, {}, True),
        (None, {"type": "reported"}, False),
    ],
)  # fmt: skip
def test_errors_without_a_traceback(one: Any, other: Any, alike: bool) -> None:
    assert same(one, other) is alike


def test_an_error_that_nobody_described_has_a_name() -> None:
    assert failure_of(NAME, None) == Failure(NAME, fingerprint.UNKNOWN, "", ())
    assert failure_of(NAME, None).other == Failure(NAME, fingerprint.OTHER, "", ())


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/srv/venv/lib/python3.13/site-packages/requests/api.py", "requests/api.py"),
        ("/usr/lib/python3/dist-packages/six.py", "six.py"),
        ("/opt/py/lib/python3.12/json/decoder.py", "json/decoder.py"),
        (r"C:\venv\Lib\site-packages\requests\api.py", "requests/api.py"),
        ("/home/ada/releases/41/shop/tasks.py", "tasks.py"),
        ("tasks.py", "tasks.py"),
        ("<string>", "<string>"),
        ("<ipython-input-3-90ab>", "<ipython-input-#-#ab>"),
        ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap>"),
    ],
)
def test_a_place_is_named_within_its_package(path: str, shown: str) -> None:
    text = f'Traceback (most recent call last):\n  File "{path}", line 3, in get\n    x()\n'
    assert normal_frames(text) == (f"{shown}:get",)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("order 17 of 2030-01-31 is late", "order # of # is late"),
        ("0x7f3a at <Order object at 0x10ab>", "# at <Order object at #>"),
        ("[Errno 2] No such file or directory: '/tmp/tmpab/x.csv'",
         "[Errno #] No such file or directory: '<path>'"),
        (r"cannot open C:\data\new\x.csv", "cannot open <path>"),
        ("'price'", "'price'"),
        ("'price_2'", "'#'"),
        ("mail to ada@example.org bounced", "mail to # bounced"),
        ("用户12不存在", "用户#不存在"),
        ("用户１２不存在", "用户#不存在"),
        ("naïve café №42", "naïve café №#"),
        ("\n\n  two errors\nfield 1\nfield 2", "two errors"),
        ("", ""),
        (" \n ", ""),
    ],
)  # fmt: skip
def test_a_message_without_chance(message: str, shown: str) -> None:
    assert normal_message(message) == shown


@pytest.mark.parametrize(
    "text", ["x" * 5_000_000, "1 " * 2_500_000, "/a" * 2_500_000, "@" * 5_000_000]
)
def test_huge_texts_are_bounded_in_size_and_time(text: str) -> None:
    began = time.process_time()
    traced = f'  File "/srv/{text}.py", line 1, in f\n' * 2
    failure = failure_of(NAME, {"type": text, "message": text, "traceback": traced})
    assert time.process_time() - began < 1
    assert len(failure.message) <= fingerprint.MAX_LINE
    assert len(failure.type) <= fingerprint.MAX_TYPE
    assert all(len(frame) <= fingerprint.MAX_FRAME for frame in failure.frames)


def test_many_frames_are_bounded() -> None:
    text = "".join(f'  File "/srv/f.py", line 1, in f{n}\n' for n in range(5000))
    assert len(normal_frames(text)) == fingerprint.MAX_FRAMES


def test_a_cut_traceback_of_a_recursion_is_the_same_failure() -> None:
    both = '  File "/srv/a.py", line 1, in ping\n  File "/srv/a.py", line 2, in pong\n'
    whole, cut = both * 10, f"{both * 10}... 9000 characters cut ...\nong\n{both * 10}"
    assert normal_frames(whole) == normal_frames(cut) == ("a.py:ping", "a.py:pong")


@given(st.text(), st.text(), st.text())
def test_any_text_has_a_fingerprint(kind: str, message: str, traceback: str) -> None:
    error = {"type": kind, "message": message, "traceback": traceback}
    failure = failure_of(NAME, error)
    assert failure.fingerprint == failure_of(NAME, dict(error)).fingerprint
    assert not any(character.isdecimal() for character in failure.message)
