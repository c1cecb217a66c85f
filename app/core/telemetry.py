"""Whether traces are asked for, and whether they can be had. A failure costs the traces and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.core.config import telemetry_variables
from app.core.logging import get_logger

if TYPE_CHECKING:
    from app.core.spans import Tracing
    from app.core.tracing import Service

log = get_logger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SDK = "opentelemetry.sdk.trace"


def begin(service: Service, *, warn: bool) -> Tracing | None:
    """What makes this process's spans; None if nobody wants them, or they cannot be had."""
    if not is_ready(warn=warn):
        return None
    from app.core import otel

    try:
        return otel.begin(service, telemetry_variables())
    except Exception as exc:  # noqa: BLE001 - an exporter may raise anything for what it is told
        if warn:
            why = f"{type(exc).__name__}: {exc}"
            _say(why, "correct the variables that begin with OTEL_, or remove them")
        return None


def is_ready(*, warn: bool) -> bool:
    """Whether traces are asked for and their packages are there, which are then loaded."""
    if _has_provider():
        return True
    variables = telemetry_variables()
    if not _is_wanted(variables):
        return False
    try:
        from app.core import otel

        otel.load(variables)
    except (ImportError, LookupError) as exc:
        if warn:
            why = f"packages of OpenTelemetry are not installed ({exc})"
            _say(why, "pip install -r requirements-otel.txt, or remove what begins with OTEL_")
        return False
    return True


def flush() -> None:
    """Send what has ended, within a bounded time."""
    from app.core import otel

    if not otel.flush():
        log.warning("traces_not_sent", cure="look whether OTEL_EXPORTER_OTLP_ENDPOINT answers")


def _is_wanted(variables: Mapping[str, str]) -> bool:
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if exporter := variables.get("OTEL_TRACES_EXPORTER", "").strip().lower():
        return exporter != "none"
    return any(variables.get(name) for name in _ENDPOINTS)


def _has_provider() -> bool:
    """Whether this process has traces already, of `opentelemetry-instrument` or of its own code."""
    if _SDK not in sys.modules:
        return False
    from app.core import otel

    return otel.found_provider() is not None


def _say(why: str, cure: str) -> None:
    log.warning("there are no traces", why=why, cure=cure)
