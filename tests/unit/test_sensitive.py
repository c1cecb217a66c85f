"""Sensitive arguments: which they are, how they are hidden, and what else must not tell them."""

from __future__ import annotations

import json
import traceback
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from celery.exceptions import Ignore, Retry
from pydantic import AfterValidator

from app.celery_app import celery_app
from app.core import current, logging, sensitive
from app.core.errors import ConfigurationError
from app.core.text import MAX_LINE
from app.packing import shown
from app.services.attempts import Settled
from app.services.catalogue import catalogue
from app.services.parameters import Parameters
from app.worker import outcome as outcomes
from app.worker.reports import Reports
from app.worker.settling import Ran, as_judged
from app.worker.signals import TrackedRetry

CARD, PIN = "4111-1111-1111-1111", 4711
HIDDEN = frozenset({"task_id"})


def pay(order: int, card: str, *, pin: int | None = None, task_id: str | None = None) -> None:
    """An ordinary function."""


def rest(first: int, *cards: str, **more: str) -> None:
    """One that takes as many as there are."""


def login(user: str, password: str) -> None:
    """One whose parameters' names tell."""


def parameters(function: Any, *declared: str) -> Parameters:
    return Parameters.of(function, HIDDEN, frozenset(declared))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a catalogue of these functions would say."""
    functions = {
        "pay": parameters(pay, "card", "pin"),
        "rest": parameters(rest, "cards", "token"),
        "any": parameters(rest, "more"),
        "login": parameters(login),
        "plain": parameters(lambda value: value),
    }
    monkeypatch.setattr(sensitive, "_known", {n: each.secret for n, each in functions.items()})


# -- hidden -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "expected"),
    [
        ("pay", [1, CARD], {"pin": PIN}, ([1, "***"], {"pin": "***"})),
        ("pay", [1], {"card": CARD, "pin": None}, ([1], {"card": "***", "pin": None})),
        ("rest", [1, "a", "b"], {"token": "t", "x": "y"}, ([1, "***", "***"], {"token": "***", "x": "y"})),
        ("any", [1, "a"], {"x": "y"}, ([1, "a"], {"x": "***"})),
        ("login", ["bob", "pw"], {}, (["bob", "pw"], {})),
        ("plain", [CARD], {"password": "x"}, ([CARD], {"password": "x"})),
        ("gone", [1, None], {"x": 2}, (["***", None], {"x": "***"})),
    ],
)  # fmt: skip
def test_what_is_declared_sensitive_is_hidden_wherever_it_stands(
    function: str, args: list[Any], kwargs: dict[str, Any], expected: Any
) -> None:
    before = json.dumps([args, kwargs])
    assert sensitive.hide(function, args, kwargs) == expected
    assert json.dumps([args, kwargs]) == before


def test_a_monitor_is_not_shown_what_a_parameters_name_tells() -> None:
    assert shown("login", ["bob", "hunter2"], {}) == ("['bob', '***']", "{}")
    assert shown("login", ["bob"], {"password": "hunter2"})[1] == "{'password': '***'}"
    assert shown("pay", [1, CARD], {"pin": PIN}) == ("[1, '***']", "{'pin': '***'}")
    assert shown("gone", [CARD], {}) == ("['***']", "{}")


def test_the_schema_says_that_a_form_hides_it() -> None:
    properties = parameters(pay, "card", "pin").schema["properties"]
    assert properties["card"] == {"type": "string", "writeOnly": True, "format": "password"}
    assert properties["pin"]["writeOnly"] is True
    assert "default" not in properties["pin"]
    assert "writeOnly" not in properties["order"]


# -- given back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ([2, "***"], {"pin": "***"}, ([2, CARD], {"pin": PIN})),
        ([2], {"card": "***"}, ([2], {"card": CARD})),
        ([2, "new"], {}, ([2, "new"], {})),
        (["***", CARD], {}, (["***", CARD], {})),
    ],
)
def test_a_mask_that_comes_back_stands_for_what_is_kept(
    args: list[Any], kwargs: dict[str, Any], expected: Any
) -> None:
    assert sensitive.restored("pay", (args, kwargs), ([1, CARD], {"pin": PIN})) == expected


def test_a_mask_for_which_nothing_is_kept_stays() -> None:
    assert sensitive.restored("pay", ([1, "***"], {"pin": "***"}), ([1, CARD], {})) == (
        [1, CARD],
        {"pin": "***"},
    )
    many = sensitive.restored("rest", ([1, "***", "***", "***"], {}), ([1, "a", "b"], {}))
    assert many == ([1, "a", "b", "***"], {})


def test_a_mask_is_no_value() -> None:
    takes = parameters(pay, "card", "pin")
    places = [error["loc"] for error in takes.check([1, "***"], {"pin": "***"})]
    assert places == [["body", "args", 1], ["body", "kwargs", "pin"]]
    assert takes.check([1, CARD], {"pin": PIN}) == []


def test_a_refusal_does_not_repeat_the_value() -> None:
    def strict(value: str) -> str:
        raise ValueError(f"{value} is not enough")

    def takes(card: str) -> None:
        """One with checks of its own."""

    takes.__annotations__["card"] = Annotated[str, AfterValidator(strict)]
    (error,) = parameters(takes, "card").check([CARD], {})
    assert CARD not in error["msg"]
    assert "is not enough" in error["msg"]


# -- in texts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [f"card {CARD} refused", f"{{'card': {CARD!r}}}", json.dumps({"pin": PIN}), f"{PIN}{CARD}"],
)
def test_a_text_does_not_tell_them(text: str) -> None:
    secrets = sensitive.texts("pay", [1, CARD], {"pin": PIN})
    hidden = sensitive.conceal(text, secrets)
    assert CARD not in hidden
    assert str(PIN) not in hidden
    assert "***" in hidden


def test_a_value_is_found_as_python_and_as_json_write_it() -> None:
    value = 'two\nlines "é"'
    for text in (value, repr(value), json.dumps(value), json.dumps(value, ensure_ascii=False)):
        hidden = sensitive.conceal(text, sensitive.spellings({"in": [value]}))
        assert hidden.strip("'\"") == "***"


def test_what_is_short_or_no_secret_is_not_looked_for() -> None:
    assert sensitive.texts("pay", [1234, "abc"], {"pin": True}) == ()
    assert sensitive.texts("plain", [CARD], {}) == ()
    assert sensitive.texts("gone", [CARD], {}) == ()


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as exc:  # noqa: BLE001 - the point of the test
        return exc


SECRETS = sensitive.spellings([CARD])


def test_an_error_is_described_without_them() -> None:
    error = ValueError(f"{CARD} refused")
    error.add_note(f"while charging {CARD}")
    told = outcomes.describe(caught(error), 1, SECRETS)
    assert told["message"] == "*** refused"
    assert CARD not in told["traceback"]
    assert "in caught" in told["traceback"]


def test_half_a_secret_does_not_stay_where_a_long_message_is_cut() -> None:
    secret = "s" * 10_000
    told = outcomes.describe(caught(ValueError(secret)), 1, sensitive.spellings([secret]))
    assert told["message"] == "***"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError(f"no {CARD}"), "failed"),
        (ValueError(f"no {CARD}"), "pending"),
        (TrackedRetry(ValueError(f"no {CARD}"), 1, None), "pending"),
        (TrackedRetry(ValueError(f"no {CARD}"), 1, None), "failed"),
        (Retry(f"no {CARD}"), "pending"),
    ],
)
def test_monitors_and_celerys_log_get_an_exception_without_them(
    error: BaseException, status: str
) -> None:
    settled = Settled(uuid.UUID(int=1), status)
    error.__cause__ = LookupError(f"found {CARD}")
    judged = as_judged(Ran(error=caught(error)), settled, SECRETS).error
    assert judged is not None
    assert isinstance(judged, Retry) == (status == "pending")
    assert CARD not in "".join(traceback.format_exception(judged))
    assert CARD not in repr(getattr(judged, "exc", None))


def test_an_exception_that_tells_nothing_is_shown_as_it_is() -> None:
    error = caught(ValueError("plain"))
    assert outcomes.without(error, SECRETS) is error
    ignored = Ignore("x")
    assert outcomes.without(ignored, SECRETS) is ignored


@pytest.mark.parametrize("status", ["failed", "pending"])
@pytest.mark.parametrize(
    "said",
    [
        "redis://:hunter2@db:6379/0 does not answer",
        "connect(password='hunter2') failed",
        "401 with Authorization: Bearer hunter2hunter2",
    ],
)
def test_an_error_does_not_tell_what_looks_like_a_secret_either(said: str, status: str) -> None:
    error = ConnectionError(said)
    error.__cause__ = OSError(said)
    described = outcomes.describe(caught(error), 1)
    assert "hunter2" not in json.dumps(described)
    assert "***" in described["message"]
    assert "in caught" in described["traceback"]
    judged = as_judged(Ran(error=error), Settled(uuid.UUID(int=1), status), ()).error
    assert judged is not None
    assert isinstance(judged, Retry) == (status == "pending")
    assert "hunter2" not in "".join(traceback.format_exception(judged))


def test_a_line_of_the_program_that_looks_like_a_secret_is_none() -> None:
    def sign_in(token: str) -> None:
        raise LookupError("nobody")

    with pytest.raises(LookupError) as raised:
        sign_in(token="x")
    assert outcomes.without(raised.value, ()) is raised.value


def test_a_line_and_a_progress_message_are_looked_at_before_they_are_cut() -> None:
    claim: Any = SimpleNamespace(secrets=())
    told = Reports(claim)
    told._due_at = float("inf")  # nothing is written
    told.line("x" * (MAX_LINE // 2 - 60) + " redis://:hunter2" + "x" * MAX_LINE + "@db", "info")
    told.progress(1, "password=hunter2")
    ((_, line),) = told._lines
    assert "hunter2" not in line
    assert told._message == "password=***"


@pytest.mark.parametrize("value", [f"card {CARD}", {"a": [CARD]}, ValueError(CARD)])
def test_no_line_tells_them_that_is_logged_while_the_task_runs(
    monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    running = SimpleNamespace(secrets=SECRETS)
    monkeypatch.setattr(current, "attempts_here", {1: running})
    told = logging._redact(None, "info", {"event": "charging", "what": value, "n": 3})
    assert CARD not in repr(told)
    assert (told["event"], told["n"]) == ("charging", 3)


def test_of_one_that_begins_as_another_tasks_does_nothing_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    side_by_side = [SimpleNamespace(secrets=sensitive.spellings([each])) for each in ("4111", CARD)]
    monkeypatch.setattr(current, "attempts_here", dict(enumerate(side_by_side)))
    assert logging._redact(None, "info", {"event": f"no {CARD}"}) == {"event": "no ***"}


# -- declared ---------------------------------------------------------------------------------


@pytest.fixture
def declare() -> Iterator[Any]:
    """Registers a function with these names as sensitive for one test."""

    def register(function: Any, names: Any) -> None:
        make: Any = celery_app.task(name="tests.inline.secret", shared=False, sensitive=names)
        make(function)
        catalogue.cache_clear()

    yield register
    celery_app.tasks.unregister("tests.inline.secret")
    catalogue.cache_clear()


def test_the_decorator_says_what_is_sensitive(declare: Any) -> None:
    declare(pay, ["card"])
    takes = catalogue().tasks["tests.inline.secret"].parameters
    assert takes.schema["properties"]["card"]["writeOnly"] is True
    assert sensitive.hide("tests.inline.secret", [1, CARD], {}) == ([1, "***"], {})


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("card", r"sensitive is 'card'; use names"),
        (True, r"sensitive is True; use names"),
        (["crad"], r"sensitive names crad, which it does not take; it takes order, card, pin"),
        (["task_id"], r"sensitive names task_id"),
    ],
)
def test_a_mistake_in_it_is_named_at_start(declare: Any, names: Any, said: str) -> None:
    declare(pay, names)
    with pytest.raises(ConfigurationError, match=said):
        catalogue()
