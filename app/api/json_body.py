"""JSON as this API accepts it.

Python's parser takes NaN, numbers too large for a float, duplicate keys, lone surrogates and
any depth; each of these would be a wrong value or a failure further in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from app.core.errors import Invalid

MAX_DEPTH = 32


# How NUL and lone surrogates can stand in a text that is UTF-8 and JSON.
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_UNFIT = re.compile("[\0\ud800-\udfff]")


def loads(raw: bytes, depth: int = MAX_DEPTH) -> Any:
    """Parse a request body. Raises `Invalid`, which says what is wrong with it and where."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise _refused(f"The body is not UTF-8 (byte {exc.start})", "utf8") from None
    try:
        value = _decode(text)
    except json.JSONDecodeError as exc:
        raise _refused(f"The body is not JSON: {exc.msg} (character {exc.pos})", "json") from None
    except RecursionError:
        raise _too_deep(depth) from None
    except ValueError as exc:  # an integer of more than 4,300 digits
        raise _refused(str(exc).split(";")[0], "number") from None
    # Both walks are skipped for the many bodies that cannot fail them.
    if text.count("[") + text.count("{") > depth:
        _check_depth(value, depth)
    if _SUSPECT.search(text):
        _check_text(value)
    return value


def unfit(text: str) -> bool:
    """Whether the text holds what no database and no client can carry: NUL or half a character."""
    return _UNFIT.search(text) is not None


def _check_depth(value: Any, depth: int) -> None:
    level = [value]
    for _ in range(depth):
        level = [
            inner for item in level for inner in _children(item) if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise _too_deep(depth)


def _check_text(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if unfit(item):
                raise _refused("Text must not hold NUL or lone surrogates", "text")
        else:
            waiting.extend(_children(item))
            if isinstance(item, dict):
                waiting.extend(item)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _refused(f"The number {text[:20]} is out of range", "number")
    return number


def _no_constant(name: str) -> NoReturn:
    raise _refused(f"{name} is not JSON", "number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _refused("An object has the same key twice", "duplicate_key")
    return found


_decode = json.JSONDecoder(
    parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_unique
).decode


def _too_deep(depth: int) -> Invalid:
    return _refused(f"The body is nested more than {depth} levels deep", "depth")


def _refused(message: str, kind: str) -> Invalid:
    return Invalid(
        message, code=f"bad_{kind}", errors=[{"loc": ["body"], "msg": message, "type": kind}]
    )
