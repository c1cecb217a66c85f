"""Task modules: can each be imported, and if not, where is the mistake."""

from __future__ import annotations

from app.core.config import Settings
from app.core.errors import ConfigurationError
from app.services.catalogue import catalogue, import_module, place
from app.services.doctor.findings import Finding, ok, problem


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
        import_module(name)
    except ConfigurationError as error:
        return _failed(f"task module {name}", error.__cause__ or error)
    return None


def _failed(check: str, error: BaseException) -> Finding:
    return problem(
        check,
        f"{type(error).__name__}: {error} ({place(error)})",
        "correct that line, or take the module out of TASK_MODULES or app/tasks/__init__.py; "
        "then restart API, worker and beat",
    )
