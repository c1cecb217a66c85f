"""What must not reach a log, Flower or an error body: values under telling names, passwords in URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
MAX_DEPTH = 8

_KEY = re.compile(
    r"passw|passphrase|secret|token|authori[sz]ation|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|credential|cookie|session[-_]?id|dsn",
    re.IGNORECASE,
)
# What a task says may be long, and as somebody likes it: the time this takes must go by the length alone.
_TEXT = re.compile(
    r"""(?P<url>\w://[^\s/:@'"]*:)(?:[^\s@'":]++|:(?!//))+(?=@)"""
    r"""|(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"""
    r"""|(?P<pair>\b(?:\w*(?:passw(?:or)?d|secret|token|api[-_]?key|authorization)|view)"""
    r"""["']?\s*[=:]\s*["']?)(?!bearer\b|basic\b|\*\*\*)[^\s&"',;)}\]]+""",
    re.IGNORECASE,
)
# One cheap look before the expression above: most lines hold none of these.
_HINT = re.compile(r"://|bearer|basic|passw|secret|token|key|authorization|view=", re.IGNORECASE)


def is_secret_name(name: object) -> bool:
    """Whether a value under this name is masked."""
    return isinstance(name, str) and _KEY.search(name) is not None


def text(value: str) -> str:
    """`value` with passwords in URLs, bearer tokens and `secret=...` pairs masked."""
    if _HINT.search(value) is None:
        return value
    return _TEXT.sub(_mask, value)


def _mask(match: re.Match[str]) -> str:
    return (match["url"] or match["scheme"] or match["pair"] or "") + MASK


def values(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A copy of a JSON-like value in which everything under a telling name is masked."""
    if isinstance(value, str):
        return text(value)
    if depth == 0:
        return value
    if isinstance(value, Mapping):
        return {
            key: MASK if item is not None and is_secret_name(key) else values(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [values(item, depth - 1) for item in value]
    return value
