"""Is a raw entry of a broker list a message that Celery's consumer survives?

Celery trusts what it finds in a queue: an entry of the wrong shape ends the worker's main
process, and some shapes are put back at shutdown and end the next one too. Everything that
Celery's and kombu's own clients send passes, unless they pack it with brotli or zstd.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from typing import Any

from celery.utils.time import maybe_iso8601
from kombu.utils.json import loads

from app.hints import BODY, rows_of

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 64
MAX_ID_LENGTH = 255
MAX_SECONDS = 10 * 366 * 86_400
YEARS = range(1970, 9000)
# What unpacking by the highest of its levels takes, twice.
MAX_LZMA_MEMORY = 128 * 1024 * 1024

_ENCODINGS = frozenset({None, "utf-8", "us-ascii", "ascii", "binary"})
_TEXT_OR_NONE = ("parent_id", "root_id", "group", "shadow", "lang", "origin", "argsrepr",
                 "kwargsrepr", "compression")  # fmt: skip
_RESERVED_EMBED = frozenset({"args", "kwargs", "hostname", "is_eager"})
# How half a character can stand in a text that is JSON.
_HALVES = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")
# How kombu's own methods unpack, so that it can be stopped: a few bytes may stand for all the memory there is.
_UNPACKERS: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(("application/x-gzip", "gzip", "zlib"), zlib.decompressobj),
    **dict.fromkeys(("application/x-bz2", "bzip2", "bzip"), bz2.BZ2Decompressor),
    **dict.fromkeys(
        ("application/x-lzma", "lzma", "xz"),
        lambda: lzma.LZMADecompressor(memlimit=MAX_LZMA_MEMORY),
    ),
}


class Refused(Exception):
    """The entry is not a usable message; the text says what is wrong with it."""


def read(raw: bytes) -> dict[str, Any]:
    """The entry as the dictionary that kombu makes a message of. Raises `Refused`."""
    payload = _parse(raw, "the entry")
    if _HALVES.search(raw):
        _check_texts(payload)
    check(payload)
    found: dict[str, Any] = payload
    return found


def _check_texts(value: Any) -> None:
    """Raise `Refused` for half a character, which cannot be written to the broker again."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend((*item, *item.values()))
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str) and _HALF.search(item):
            raise Refused("a text holds half a character")


def check(payload: Any) -> None:
    """Raise `Refused` unless the parsed entry is a message, whatever queue it came from."""
    if not isinstance(payload, dict):
        raise Refused("the entry is not a JSON object")
    properties = payload.get("properties")
    if not isinstance(properties, dict):
        raise Refused("properties is not an object")
    _check_properties(properties)
    headers = payload.get("headers")
    if headers is None:
        headers = {}
    elif not isinstance(headers, dict):
        raise Refused("headers is not an object")
    encoding = payload.get("content-encoding")
    if isinstance(encoding, list | dict) or encoding not in _ENCODINGS:
        raise Refused("content-encoding is not one of utf-8, us-ascii, binary")
    body = _body(payload, properties)
    if "task" in headers:
        _check_headers(headers)
        _check_task_body(payload, headers, body)
    else:
        _check_other_body(payload, headers, body)


def _parse(raw: bytes | str, what: str) -> Any:
    if len(raw) > MAX_BYTES:
        raise Refused(f"{what} is larger than {MAX_BYTES} bytes")
    try:
        # kombu's reader, because its extensions (dates, UUIDs) may be malformed as well.
        value = loads(raw)
    except Exception as error:  # noqa: BLE001 - its extensions raise anything
        raise Refused(f"{what} is not JSON ({type(error).__name__})") from None
    # Counting brackets is cheap and bounds the depth; only a suspicious entry is measured.
    if _brackets(raw) > MAX_DEPTH:
        _check_depth(value, what)
    return value


def _brackets(raw: bytes | str) -> int:
    if isinstance(raw, bytes):
        return raw.count(b"[") + raw.count(b"{")
    return raw.count("[") + raw.count("{")


def _check_depth(value: Any, what: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
        if not level:
            return
    raise Refused(f"{what} is nested deeper than {MAX_DEPTH}")


def _check_properties(properties: dict[str, Any]) -> None:
    tag = properties.get("delivery_tag")
    if not isinstance(tag, str) or not tag:
        raise Refused("delivery_tag is not a text")
    info = properties.get("delivery_info")
    if (
        not isinstance(info, dict)
        or not isinstance(info.get("exchange"), str)
        or not isinstance(info.get("routing_key"), str)
    ):
        raise Refused("delivery_info does not name exchange and routing_key")
    priority = properties.get("priority")
    if priority is not None and type(priority) is not int:
        raise Refused("priority is not a whole number")
    for name in ("reply_to", "correlation_id"):
        value = properties.get(name)
        if value is not None and not isinstance(value, str):
            raise Refused(f"{name} is not a text")


def _body(payload: dict[str, Any], properties: dict[str, Any]) -> bytes | str | None:
    body = payload.get("body")
    if body is None:
        return None
    if not isinstance(body, str):
        raise Refused("body is not a text")
    encoding = properties.get("body_encoding")
    if encoding == "base64":
        try:
            return base64.b64decode(body)
        except (binascii.Error, ValueError):
            raise Refused("body is not base64") from None
    if encoding is not None and encoding != "utf-8":
        raise Refused("body_encoding is not base64 or utf-8")
    return body


def _check_headers(headers: dict[str, Any]) -> None:
    for name in ("task", "id"):
        value = headers.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH:
            raise Refused(f"header {name} is not a text of 1 to {MAX_ID_LENGTH} characters")
    for name in _TEXT_OR_NONE:
        value = headers.get(name)
        if value is not None and not isinstance(value, str):
            raise Refused(f"header {name} is not a text")
    if (limits := headers.get("timelimit")) is not None:
        _check_timelimit(limits)
    retries = headers.get("retries")
    if retries is not None and type(retries) is not int:
        raise Refused("header retries is not a whole number")
    try:
        rows_of(headers)
    except ValueError as error:
        raise Refused(str(error)) from None
    _check_rare_headers(headers)


def _check_rare_headers(headers: dict[str, Any]) -> None:
    for name in ("eta", "expires"):
        if (moment := headers.get(name)) is not None:
            _check_moment(name, moment)
    if (stamps := headers.get("stamps")) is not None and not isinstance(stamps, dict):
        raise Refused("header stamps is not an object")
    if (stamped := headers.get("stamped_headers")) is not None and not isinstance(stamped, list):
        raise Refused("header stamped_headers is not a list")


def _check_timelimit(limits: Any) -> None:
    if not isinstance(limits, list) or len(limits) != 2:
        raise Refused("header timelimit is not a pair")
    for limit in limits:
        if limit is not None and not _is_seconds(limit):
            raise Refused("header timelimit holds something else than seconds")


def _is_seconds(value: Any) -> bool:
    if type(value) is not int and type(value) is not float:
        return False
    # No number of any size passes for one, nor does what is none.
    return 0 <= value <= MAX_SECONDS


def _check_moment(name: str, value: Any) -> None:
    try:
        moment = maybe_iso8601(value) if isinstance(value, str) else None
    except (ValueError, TypeError, AttributeError, OverflowError):
        moment = None
    if moment is None or moment.year not in YEARS:
        raise Refused(f"header {name} is not a time")


def _unpacked(body: bytes | str | None, method: str) -> bytes:
    """What kombu makes of a compressed body, which must be as it says and no larger than others."""
    unpacker = _UNPACKERS.get(method)
    if unpacker is None:
        raise Refused("header compression names a method that is not known here")
    if not isinstance(body, bytes):
        raise Refused("the body is compressed, but not base64")
    try:
        unpacking = unpacker()
        content: bytes = unpacking.decompress(body, MAX_BYTES + 1)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise Refused(f"the body cannot be unpacked ({type(error).__name__})") from None
    if not unpacking.eof or unpacking.unused_data:
        raise Refused(f"the packed body is no whole one, or unpacks to more than {MAX_BYTES} bytes")
    return content


def _check_task_body(
    payload: dict[str, Any], headers: dict[str, Any], body: bytes | str | None
) -> None:
    if payload.get("content-type") != "application/json":
        raise Refused("content-type is not application/json")
    if compression := headers.get("compression"):
        body = _unpacked(body, compression)
    if not body:
        raise Refused("body is empty")
    if payload["body"] == BODY and payload["properties"].get("body_encoding") == "base64":
        return  # a hint's, which is always the same
    parts = _parse(body, "the body")
    if not isinstance(parts, list) or len(parts) != 3:
        raise Refused("the body is not [args, kwargs, embed]")
    args, kwargs, embed = parts
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise Refused("the body's args or kwargs are of the wrong type")
    if embed is not None and (not isinstance(embed, dict) or not _RESERVED_EMBED.isdisjoint(embed)):
        raise Refused("the body's third part is not an object of callbacks")


def _check_other_body(
    payload: dict[str, Any], headers: dict[str, Any], body: bytes | str | None
) -> None:
    """Replies, events and Celery's first message protocol: an object, or a list of events."""
    if headers.get("compression") or payload.get("content-type") != "application/json":
        raise Refused("neither a task nor a reply: no header task, and not plain JSON")
    content = _parse(body or "", "the body")
    if isinstance(content, list) and isinstance(headers.get("hostname"), str):
        if not all(isinstance(event, dict) for event in content):
            raise Refused("the body is not a list of events")
    elif not isinstance(content, dict):
        raise Refused("neither a task nor a reply: no header task, and the body is no object")
    elif "task" in content:
        _check_first_protocol(content)


def _check_first_protocol(content: dict[str, Any]) -> None:
    _check_headers({**content, "argsrepr": None, "kwargsrepr": None})
    if not isinstance(content.get("args", []), list):
        raise Refused("the body's args are of the wrong type")
    if not isinstance(content.get("kwargs", {}), dict):
        raise Refused("the body's kwargs are of the wrong type")
