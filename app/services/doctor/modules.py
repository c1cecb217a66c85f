"""Task modules: can each be imported, and if not, where is the mistake."""

from __future__ import annotations

import importlib
import sysconfig
import traceback

from app.core.config import Settings
from app.core.errors import ConfigurationError
from app.services.catalogue import catalogue
from app.services.doctor.findings import Finding, ok, problem

# Modules of installed packages; the mistake is in the line that called them.
_INSTALLED = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen")


def check_modules(settings: Settings) -> list[Finding]:
    """One finding a module that fails, or one that says how many functions there are."""
    failures = [
        finding
        for name in ("app.celery_app", "app.tasks", *settings.task_modules)
        if (finding := imports(name))
    ]
    if failures:
        return failures
    try:
        known = catalogue()
    except ConfigurationError as error:
        return [problem("task modules", str(error), "correct it and restart the workers")]
    except Exception as error:  # noqa: BLE001 - Celery evaluates the decorators only now
        return [_failed("task modules", error)]
    modules = ", ".join(("app.tasks", *settings.task_modules))
    return [ok("task modules", f"{len(known.names)} functions from {modules}")]


def imports(name: str) -> Finding | None:
    """A finding when importing the module fails, whatever it raises."""
    try:
        importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody's code may raise anything
        return _failed(f"task module {name}", error)
    return None


def _failed(check: str, error: BaseException) -> Finding:
    return problem(
        check,
        f"{type(error).__name__}: {error} ({place(error)})",
        "correct that line, or take the module out of TASK_MODULES or app/tasks/__init__.py; "
        "then restart API, worker and beat",
    )


def place(error: BaseException) -> str:
    """File and line of the mistake: the innermost line of somebody's own code."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if not frame.filename.startswith(_INSTALLED) and frame.filename != __file__
    ]
    if not own:
        return "no such module"
    return f"{own[-1].filename}, line {own[-1].lineno}"
