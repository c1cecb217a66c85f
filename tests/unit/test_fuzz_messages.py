"""Entries of a broker list that nobody would send: refused, or good enough for Celery's consumer."""

from __future__ import annotations

import base64
import bz2
import contextlib
import copy
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.exceptions import InvalidTaskError
from celery.worker.request import Request
from hypothesis import strategies as st
from kombu import Connection
from kombu.exceptions import ContentDisallowed, DecodeError

from app.hints import BODY
from app.worker import envelope
from tests.support.exploring import damaged, explore, texts, values
from tests.unit.test_envelope import GOOD_BODY, celery, entry

CHANNEL: Any = Connection("memory://").channel()
TASK = "some.task"
GONE = object()
Path = tuple[str, ...]


@celery.task(name=TASK)
def task(*args: Any, **kwargs: Any) -> None:
    """What the messages ask for."""


def paths(value: Any, way: Path = ()) -> Iterator[Path]:
    """Every place in an entry."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*way, name)
            yield from paths(inner, (*way, name))


PLACES = [*paths(entry()), ("headers", "compression"), ("headers", "__type__"), ("headers", "shadow"),
          ("properties", "reply_to"), ("new",)]  # fmt: skip
# What a place may hold to which somebody has paid attention.
TELLING = [
    "", "a", "\0", "\ud800", "x" * 300, "application/json", "application/x-python-serialize", "gzip",
    "bzip2", "xz", "application/x-gzip", "utf-8", "binary", "base64", "BASE64", BODY, TASK,
    "2030-01-01T00:00:00", "2030-01-01T00:00:00+99:99", "9999-12-31T23:59:59-12:00", "0001-01-01",
    [300, 200], [10**400, None], [1e308, 1], [-1, 1], [True, None], [None], 10**400, -1, 2**63, 0.5, True,
    {"__type__": "uuid", "__value__": 3}, {"__type__": "datetime", "__value__": "never"},
    {"__type__": "decimal", "__value__": "x"}, {"__type__": [], "__value__": 1}, {"__type__": "bytes"},
]  # fmt: skip
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": zlib.compress,
    "application/x-bz2": bz2.compress,
    "xz": lzma.compress,
}
# What a sender may choose, none of which is a reason to refuse.
CHOSEN: dict[str, st.SearchStrategy[Any]] = {
    "retries": st.integers(0, 9),
    "timelimit": st.sampled_from([None, [None, None], [300, 200], [300.5, None]]),
    "expires": st.sampled_from([None, "2100-01-01T00:00:00", "2100-01-01T00:00:00+02:00"]),
    "group": st.none() | st.text(max_size=8),
    "shadow": st.none() | st.text(max_size=8),
}


@st.composite
def sound(draw: st.DrawFn) -> dict[str, Any]:
    """An entry as somebody may well send it, with whatever arguments."""
    args = draw(st.lists(values, max_size=3))
    kwargs = draw(st.dictionaries(st.text(max_size=4), values, max_size=3))
    embed = draw(st.sampled_from([None, {}, GOOD_BODY[2]]))
    whole = entry([args, kwargs, embed], draw(st.fixed_dictionaries({}, optional=CHOSEN)))
    whole["properties"]["priority"] = draw(st.none() | st.integers(0, 9))
    return whole


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """A good entry, some places of which hold something else, or are gone."""
    whole = copy.deepcopy(entry())
    for _ in range(draw(st.integers(0, 3))):
        *way, last = draw(st.sampled_from(PLACES))
        place: Any = whole
        for name in way:
            place = place.get(name) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            continue
        value = draw(st.just(GONE) | st.sampled_from(TELLING) | values)
        if value is GONE:
            place.pop(last, None)
        else:
            place[last] = value
    return whole


@st.composite
def with_another_body(draw: st.DrawFn) -> dict[str, Any]:
    """An entry with a body of another shape, perhaps packed, perhaps written in another way."""
    whole = draw(st.just(entry()) | changed())
    sound = st.just(json.dumps(GOOD_BODY))
    content = draw(sound | texts | values.map(json.dumps)).encode("utf-8", "surrogatepass")
    method = draw(st.sampled_from([None, None, *PACK]))
    if method is not None and isinstance(whole.get("headers"), dict):
        whole["headers"]["compression"] = method
        content = draw(st.just(PACK[method](content)) | damaged(PACK[method](content)))
    written = base64.b64encode(content).decode()
    whole["body"] = draw(
        st.just(written) | st.just(written[1:]) | st.just(content.decode("latin-1")) | values
    )
    return whole


def _sent(whole: dict[str, Any]) -> bytes:
    return json.dumps(whole).encode()


_odd = (changed() | with_another_body()).map(_sent)
_KINDS: list[st.SearchStrategy[bytes]] = [
    sound().map(_sent),
    _odd,
    (sound().map(_sent) | _odd).flatmap(damaged),
    texts.map(lambda text: text.encode("utf-8", "replace")),
]
# Each kind as often as another: `|` would count the kinds within them.
entries = st.integers(0, len(_KINDS) - 1).flatmap(lambda number: _KINDS[number])


def consume(payload: dict[str, Any]) -> None:
    """What the consumer's main process does with a message before a child gets it."""
    message = CHANNEL.Message(payload, channel=CHANNEL, accept={"application/json"})
    payload["properties"]["delivery_tag"].encode()
    name = message.headers.get("task")
    if name is None:
        message.decode()
    elif name == TASK:
        with contextlib.suppress(InvalidTaskError, ContentDisallowed, DecodeError):
            assert "args" not in message.payload
            request: Any = Request(
                message, app=celery, task=task, body=message.body, headers=message.headers
            )
            for told in (request.time_limits, request.eta, request.expires, repr(request)):
                str(told)
            request.info(safe=True)


def is_refused_or_consumed(raw: bytes) -> None:
    """The guard never fails, and what it lets pass the consumer takes."""
    with contextlib.suppress(envelope.Refused):
        consume(envelope.read(raw))


def why_refused(raw: bytes) -> str | None:
    """What the guard says of an entry; None: it lets it pass."""
    try:
        envelope.read(raw)
    except envelope.Refused as refusal:
        return str(refusal)
    return None


def test_what_the_guard_lets_pass_the_consumer_takes(pytestconfig: pytest.Config) -> None:
    explore(is_refused_or_consumed, entries, seed=pytestconfig.option.chaos_seed, number=800)


def test_the_guard_lets_something_pass_and_refuses_something(pytestconfig: pytest.Config) -> None:
    """Else it would be right whatever the entries are."""
    seen = {True: 0, False: 0}

    def count(raw: bytes) -> None:
        reason = why_refused(raw)
        assert reason is None or reason.isprintable()
        seen[reason is None] += 1

    explore(count, entries, seed=pytestconfig.option.chaos_seed, number=200)
    assert min(seen.values()) > 10


def test_no_entry_that_somebody_may_well_send_is_refused(pytestconfig: pytest.Config) -> None:
    def passes(whole: dict[str, Any]) -> None:
        assert why_refused(_sent(whole)) is None

    explore(passes, sound(), seed=pytestconfig.option.chaos_seed, number=100)


@pytest.mark.parametrize("method", PACK)
def test_a_packed_body_is_looked_at_as_it_unpacks(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelope, "MAX_BYTES", 1 << 20)

    def packed(content: bytes) -> bytes:
        whole = entry(headers={"compression": method})
        whole["body"] = base64.b64encode(content).decode()
        return json.dumps(whole).encode()

    good = PACK[method](json.dumps(GOOD_BODY).encode())
    assert envelope.read(packed(good))["headers"]["compression"] == method
    bad = [PACK[method](b"5"), PACK[method](b"[[], {}]"), good[:-4], good + b"more", b"plain", b""]
    bomb = PACK[method](b"[" + b" " * envelope.MAX_BYTES + b"]")
    assert len(bomb) < 100_000
    for content in (*bad, bomb):
        with pytest.raises(envelope.Refused):
            envelope.read(packed(content))
