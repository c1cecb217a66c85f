"""What nobody would think of: examples that hypothesis makes, the same ones for a seed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

T = TypeVar("T")
# What a single question may take on a machine that has much else to do.
ANSWER_SECONDS = 60

# Texts of JSON, whole or in part, that parsers differ about.
_ODD = [
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "1" * 5000, "0" * 5000, "-0", "01",
    "1.", ".5", "+1", "0x10", "1_000", "tru", "True", "nul", "'a'", '"\\u0000"', '"a\0b"', '"\\ud800"',
    '"\\udfff\\ud800"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\uD83D\\uD83D"', '"\\x41"', '"\\u12"', '"\n"',
    '"\u2028"', '"\U0001f600"', "//", "/**/1", "{}", "[]", "[,]", "[1,]", '{"a":1,}', "{a:1}", '{"a"}',
    '{"a":1,"a":2}', '{"":0,"":0}', '{"\\u0061":1,"a":2}', '{"\\u0000":1}', '{"\\ud800":1}', "\ufeff1", "1 2",
    "", " ", "\x0b1", "\u00a01",
]  # fmt: skip
# Bytes that are no UTF-8: broken, overlong, half a character, another encoding.
_BROKEN = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82", b"\xf8\x88\x80\x80\x80",
           b"\xff\xfe1\0", b"\xef\xbb\xbf"]  # fmt: skip

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=12)
    | st.sampled_from([10**400, 2**63, "", "\0", "\ud800", "x" * 300])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


def _nested(text: str) -> st.SearchStrategy[str]:
    """The text within so many brackets, mostly about as many as are allowed."""
    depths = st.sampled_from([1, 2, 31, 32, 33, 34, 35, 200, 20_000])
    kinds = st.sampled_from([("[", "]"), ('{"a":', "}"), ("[", ""), ("[[],", "]")])
    return st.builds(lambda n, kind: kind[0] * n + text + kind[1] * n, depths, kinds)


texts = (
    values.map(json.dumps)
    | values.map(lambda value: json.dumps(value, ensure_ascii=False))
    | st.sampled_from(_ODD)
    | st.lists(st.sampled_from(_ODD), max_size=4).map(lambda parts: f"[{','.join(parts)}]")
    | st.sampled_from(["1", '"a"', *_ODD[:8]]).flatmap(_nested)
)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """The bytes, with one thing done to them that happens to bytes."""
    at = draw(st.integers(0, len(raw)))
    to = draw(st.integers(at, min(len(raw), at + 20)))
    put = draw(
        st.binary(max_size=4) | st.sampled_from(_BROKEN) | st.sampled_from(_ODD).map(_bytes_of)
    )
    return draw(
        st.sampled_from(
            [
                raw[:at],  # cut off
                raw[:at] + raw[to:],  # a part lost
                raw[:at] + put + raw[at:],  # something put in
                raw[:at] + put + raw[to:],  # something put in the place of a part
                raw[:to] + raw[at:],  # a part twice
            ]
        )
    )


bodies = st.binary(max_size=60) | texts.map(_bytes_of) | texts.map(_bytes_of).flatmap(damaged)


def explore(
    check: Callable[[T], Any],
    examples: st.SearchStrategy[T],
    *,
    seed: int,
    number: int,
    shrink: bool = True,
) -> None:
    """Call the check with so many examples; one that fails is shown as small as it can be made.

    Unless `shrink` is false: where each question takes its time, that would take minutes.
    """
    phases = [Phase.generate, *([Phase.shrink] if shrink else [])]

    @hypothesis.seed(seed)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @given(examples)
    def run(example: T) -> None:
        check(example)

    run()


async def explore_here(
    check: Callable[[T], Awaitable[None]],
    examples: st.SearchStrategy[T],
    *,
    seed: int,
    number: int,
) -> None:
    """The same with a check of this event loop, which goes on meanwhile."""
    loop = asyncio.get_running_loop()

    async def asked(example: T) -> None:
        await check(example)

    def ask(example: T) -> None:
        asyncio.run_coroutine_threadsafe(asked(example), loop).result(ANSWER_SECONDS)

    await asyncio.to_thread(explore, ask, examples, seed=seed, number=number, shrink=False)
