"""`run`: a task's function in this process, to find out why it fails."""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer

from app.cli.commands import local
from app.cli.failures import CliError, ExitCode
from app.cli.options import Kwargs, Words
from app.cli.output import Output
from app.cli.values import json_or_text, pairs

_ROOT = Path(__file__).resolve().parents[1]
# Between the command line and the function stand only these; a traceback that shows them
# says nothing about the function.
_OURS = (_ROOT / "cli", _ROOT / "worker")


def add(app: typer.Typer) -> None:
    """Register the command."""
    local(app)(run)


def run(
    out: Output,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Full name of the function.")],
    args: Words = None,
    kwarg: Kwargs = None,
) -> None:
    """Run a task's function here and now: no broker, no database, no worker.

    Prints what it returns as JSON; what the function itself prints goes to stderr.
    """
    function = find(name)
    positional = [json_or_text(word) for word in args or ()]
    keywords = pairs(kwarg or ())
    _check_arguments(name, function, positional, keywords)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = function(*positional, **keywords)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - sys.exit() in a task is its failure, too
        sys.stderr.write(without_our_frames(error))
        raise typer.Exit(ExitCode.FAILED) from None
    out.line(_as_json(name, result))


def find(name: str) -> Any:
    """The registered task. Raises `CliError` that names similar ones."""
    from app.celery_app import celery_app
    from app.services.catalogue import catalogue

    known = catalogue().names
    if name in known:
        return celery_app.tasks[name]
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3, cutoff=0.75)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}."
    raise CliError(
        f"{name} is not registered; {hint} A new task is imported in app/tasks/__init__.py or "
        "its module is named in TASK_MODULES.",
        code=ExitCode.USAGE,
    )


def _check_arguments(name: str, function: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    # `run` of a bound task is a method, so its signature is without `self`.
    signature = inspect.signature(function.run)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise CliError(
            f"{name}{signature} cannot be called so: {error}", code=ExitCode.USAGE
        ) from None


def without_our_frames(error: BaseException) -> str:
    """The traceback as text, from the function's own first frame on."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        link = pending.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        link.__traceback__ = _trimmed(link.__traceback__)
        pending += [link.__cause__, link.__context__]
    return "".join(traceback.format_exception(error))


def _trimmed(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_ours(filename: str) -> bool:
    import celery

    path = Path(filename)
    return any(path.is_relative_to(place) for place in (*_OURS, Path(celery.__file__).parent))


def _as_json(name: str, result: Any) -> str:
    try:
        return json.dumps(result, ensure_ascii=False, allow_nan=False, indent=2)
    except (TypeError, ValueError) as error:
        raise CliError(
            f"{name} returned a {type(result).__name__} that is not JSON ({error}); a worker "
            "would refuse it too: return text, numbers, lists and mappings",
            code=ExitCode.FAILED,
        ) from None
