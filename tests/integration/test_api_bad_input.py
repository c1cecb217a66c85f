"""Every operation, and every value that it takes, given what is bad: by the API's own description.

So a new route is walked by itself; all it has to bring is a good body, in `GOOD`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from tests.support.api import Api, problem_of
from tests.support.databases import on_postgresql, on_sqlite
from tests.support.operations import Operation, Place, kind_of
from tests.support.walking import GOOD, JSON, ask, url_of, walked

pytestmark = pytest.mark.usefixtures("no_feeder")
# Where nothing reaches the database, and where what does is more than a walk should take twice: of the
# two PostgreSQL is the one that refuses numbers and texts.


def refused(answer: httpx2.Response, status: int, what: str) -> dict[str, Any]:
    """The problem in the answer; `what` was asked is said if it is none."""
    assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text[:300]}"
    return problem_of(answer, status)


def answered(answer: httpx2.Response, what: str) -> None:
    """Whatever was answered, it is no failure of ours, and if it is an error it has the one shape."""
    assert answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 400:
        problem_of(answer, answer.status_code)


async def test_good_bodies_are_good(api: Api) -> None:
    """Else what follows would be refused for another reason than it is about."""
    client = await api.as_user()
    wanted = [each for each in walked(api) if each.body is not None]
    assert {str(each) for each in wanted} == set(GOOD)
    for operation in wanted:
        sent = GOOD[str(operation)]
        answer = await ask(client, operation, url_of(operation), json=sent)
        answered(answer, str(operation))
        assert answer.status_code not in (413, 415, 422), f"{operation}: {answer.text}"


# -- bodies as a whole --------------------------------------------------------------------------


def bad_texts(good: str) -> list[tuple[str, bytes]]:
    """Codes of problems, and bodies that have them."""
    inside = good[1:-1]
    texts = [
        ("invalid", "[]"),
        ("invalid", '"x"'),
        ("invalid", "1"),
        ("bad_json", good[:-1]),
        ("bad_json", good + good),
        ("bad_number", f'{{{inside}, "x": NaN}}'),
        ("bad_number", f'{{{inside}, "x": -Infinity}}'),
        ("bad_number", f'{{{inside}, "x": 1e400}}'),
        ("bad_number", f'{{{inside}, "x": 1{"0" * 5000}}}'),
        ("bad_duplicate_key", f'{{{inside}, "x": 1, "x": 1}}'),
        ("bad_depth", f'{{{inside}, "x": {"[" * 35}{"]" * 35}}}'),
        ("bad_depth", "[" * 300_000),
        ("bad_text", f'{{{inside}, "x": "a\\u0000b"}}'),
        ("bad_json", f'{{{inside}, "x": "a\0b"}}'),
        ("bad_text", f'{{{inside}, "x": "\\ud800"}}'),
        ("bad_text", f'{{{inside}, "\\udfff": 1}}'),
    ]
    binary = [("bad_utf8", good.encode("utf-16")), ("bad_utf8", b'{"x": "\xff"}')]
    return [(code, text.encode()) for code, text in texts] + binary


@on_sqlite
async def test_bodies_that_nobody_should_take_are_refused(api: Api) -> None:
    client = await api.as_user()
    for operation in (each for each in walked(api) if each.body is not None):
        url, good = url_of(operation), json.dumps(GOOD[str(operation)])
        bad = bad_texts(good)
        if operation.needs_body:
            bad += [("invalid", b""), ("invalid", b"null")]
        for code, raw in bad:
            answer = await ask(client, operation, url, content=raw, headers=JSON)
            what = f"{operation}: {raw[-80:]!r}"
            assert refused(answer, 422, what)["code"] == code, what
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json-seq"):
            answer = await ask(
                client, operation, url, content=good.encode(), headers={"Content-Type": kind}
            )
            refused(answer, 415, f"{operation}: {kind}")


@on_sqlite
async def test_bodies_beyond_the_limit_are_413_chunked_or_not(api: Api) -> None:
    client = await api.as_user()
    for operation in (each for each in walked(api) if each.body is not None):
        limit = 32 << 20 if operation.path.endswith("/tasks/bulk") else 1 << 20
        url, raw = url_of(operation), b" " * (limit + 1)

        async def pieces(raw: bytes = raw) -> AsyncIterator[bytes]:
            for start in range(0, len(raw), 1 << 18):
                yield raw[start : start + (1 << 18)]

        for sent in (raw, pieces()):
            answer = await ask(client, operation, url, content=sent, headers=JSON)
            refused(answer, 413, f"{operation}")


# -- values in bodies ---------------------------------------------------------------------------

VALUES: list[Any] = [
    True, -1, 10**20, 1.5, "", " ", "a\nb", "x" * 70_000, "é\u2028", [], {}, None,
]  # fmt: skip


# Fields that name something. A token need not have a name.
NAMES = {"name", "celery_task_name", "task_type", "queue", "tag", "owner_ref", "unique_key",
         "limit_key", "local_id"}  # fmt: skip


def is_bad(operation: Operation, place: Place, value: Any) -> bool:
    """Whether the description alone, or what the field is for, says that it is not to be taken."""
    schema = place.schema
    kinds, kind = operation.kinds(schema), kind_of(value)
    if kind not in kinds:
        return True
    if value in ("", " ", "a\nb") and place.path[-1] in NAMES:
        return operation.path != "/api/v1/tokens"
    if len(kinds - {"null"}) > 2:
        return False  # anything goes
    huge = kind in ("integer", "number") and abs(value) > 2**53
    return huge or (kind == "string" and (len(value) > 50_000 or not operation.is_text(schema)))


@on_postgresql
async def test_values_of_another_type_or_out_of_range_are_refused_by_name(api: Api) -> None:
    client = await api.as_user()
    bad = 0
    for operation in walked(api):
        for place in operation.places():
            for value in VALUES:
                body = place.replaced(GOOD[str(operation)], value)
                what = f"{operation} {place.path} = {str(value)[:30]!r}"
                answer = await ask(client, operation, url_of(operation), json=body)
                answered(answer, what)
                if is_bad(operation, place, value):
                    bad += 1
                    errors = refused(answer, 422, what)["errors"]
                    assert any(place.path[-1] in error["loc"] for error in errors), (what, errors)
    assert bad > 1000


@on_sqlite
async def test_unknown_fields_are_refused_by_name(api: Api) -> None:
    client = await api.as_user()
    for operation in (each for each in walked(api) if each.body is not None):
        good = GOOD[str(operation)]
        inside = [place.replaced(good, {"colour": 1}) for place in operation.objects()]
        for body in ({**good, "colour": 1}, *inside):
            answer = await ask(client, operation, url_of(operation), json=body)
            problem = refused(answer, 422, f"{operation}: {str(body)[:300]}")
            assert "colour" in str(problem["errors"]), operation


# -- queries, paths, headers --------------------------------------------------------------------

BAD_TEXTS = ("%00", "%ff", "%ED%A0%80", "a%0Ab", "x" * 3000)
BAD_NUMBERS = ("", "true", "1.0", "1_0", "%2B5", "%205", "٥", "-1", "9" * 20, "1e3")
BAD_OF_KIND = {
    "boolean": ("", "yes", "True", "1"),
    "uuid": ("", "x", "1", "%00"),
    "date-time": (
        "",
        "yesterday",
        "2030-01-01T00:00:00",
        "1900000000",
        "9999-12-31T23:59:59-12:00",
    ),
}


def bad_queries(operation: Operation) -> Iterator[str]:
    """Queries that it should refuse."""
    yield "colour=red"
    yield "%00=1"
    for parameter in operation.parameters("query"):
        name, schema = parameter["name"], parameter["schema"]
        kinds = operation.kinds(schema)
        if "array" not in kinds:
            yield f"{name}=1&{name}=1"
        bad: tuple[str, ...] = ("%00", "%ff")
        if {"integer", "number"} & kinds:
            bad += BAD_NUMBERS
            # Sizes have a bound; where to go on in a log is none.
            bad += () if name == "after" else ("9" * 18,)
        elif "boolean" in kinds:
            bad += BAD_OF_KIND["boolean"]
        elif formats := [kind for kind in ("uuid", "date-time") if f"'{kind}'" in str(schema)]:
            bad += BAD_OF_KIND[formats[0]]
        elif not operation.is_text(schema):
            bad += ("", "nothing-that-is-known")
        yield from (f"{name}={value}" for value in bad)


async def test_queries_that_make_no_sense_are_refused(api: Api) -> None:
    client = await api.as_user()
    for operation in walked(api):
        body = {"json": GOOD[str(operation)]} if operation.body else {}
        for query in bad_queries(operation):
            answer = await ask(client, operation, f"{url_of(operation)}?{query}", **body)
            refused(answer, 422, f"{operation}?{query}")


@on_postgresql
async def test_odd_queries_are_answered(api: Api) -> None:
    """What may be taken or not, but is no failure."""
    client = await api.as_user()
    odd = ("%ED%A0%80", "x" * 3000, "", "'", "%25", "WzFd", "bnVsbA", "0",
           "1970-01-01T00:00:00Z", "2999-12-31T23:59:59.999999Z")  # fmt: skip
    for operation in (each for each in walked(api) if each.method == "GET"):
        for parameter in operation.parameters("query"):
            for value in odd:
                query = f"{parameter['name']}={value}"
                answer = await ask(client, operation, f"{url_of(operation)}?{query}")
                answered(answer, f"{operation}?{query}")


async def test_odd_paths_and_headers_are_answered(api: Api) -> None:
    client = await api.as_user()
    for operation in walked(api):
        body = {"json": GOOD[str(operation)]} if operation.body else {}
        for parameter in operation.parameters("path"):
            for value in (*BAD_TEXTS, "not-an-id", "%20", "é", "..%2f..", "0"):
                url = url_of(operation, **{parameter["name"]: value})
                answer = await ask(client, operation, url, **body)
                what = f"{operation} {parameter['name']}={value[:30]}"
                answered(answer, what)
                if "%00" in value:
                    assert answer.status_code in (404, 422), what
        for parameter in operation.parameters("header"):
            for text in ("", "\xff", "x" * 3000, "-1", '"1", "2"', "9" * 30):
                headers = {parameter["name"]: text.encode("latin-1")}
                answer = await ask(client, operation, url_of(operation), headers=headers, **body)
                answered(answer, f"{operation} {headers}")
