"""Statements in traces: a span for each one that is made inside a span that is kept.

Whoever looks around by the clock, such as an agent, is in none, so its statements are in none either.
Values are not told, only the text with its placeholders. The statements of the hot path do not come by
here (`app.db.prepared`); their spans are those of what they are for: claim, settle, publish.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.core import tracing
from app.core.tracing import Facts, Span

MAX_TEXT = 2000
# Of a statement so much is looked at, and remembered with what was found: a long list makes it long.
MAX_LOOKED_AT = 20_000
_SPAN = "tasksystem_span"
# Settings of a connection are no statements of anybody's.
_SILENT = re.compile(r"\s*(PRAGMA|SET)\b", re.IGNORECASE)
# Not the locks of a SELECT, nor what an INSERT does on a conflict.
_WRITES = re.compile(
    r"(?<!FOR )(?<!FOR NO KEY )(?<!DO )\b(INSERT|UPDATE|DELETE)\s+(?:INTO\s+|FROM\s+)?\"?(\w+)",
    re.IGNORECASE,
)
_READS = re.compile(r"\bFROM\s+\"?(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a statement does: in two words, and in full."""

    summary: str
    facts: Facts


def observe(engine: Engine) -> None:
    """Have the engine's statements in traces, if this process makes any. Costs nothing if not."""
    if not tracing.is_on():
        return
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    if context is None or not tracing.is_recorded() or _SILENT.match(statement):
        return
    said = _said(statement[:MAX_LOOKED_AT])
    facts = {**said.facts, **_database(connection.engine)}
    vars(context)[_SPAN] = tracing.span(said.summary, "client", facts)


def _end(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    _span_of(context).end()


def _fail(failure: Any) -> None:
    span = _span_of(failure.execution_context)
    span.fail(type(failure.original_exception).__name__)
    span.end()


def _span_of(context: Any) -> Span:
    """The span that was begun for it, once."""
    span: Span = tracing.SILENT if context is None else vars(context).pop(_SPAN, tracing.SILENT)
    return span


def _database(engine: Engine) -> Facts:
    facts = {"db.system.name": engine.dialect.name}
    if engine.url.host:
        facts |= {"server.address": engine.url.host, "db.namespace": str(engine.url.database)}
    return facts


@lru_cache(maxsize=512)
def _said(statement: str) -> _Said:
    if (written := _WRITES.search(statement)) is not None:
        operation, table = written[1].upper(), written[2]
    elif (read := _READS.search(statement)) is not None:
        operation, table = "SELECT", read[1]
    else:
        operation, table = (statement.split(maxsplit=1) or ["?"])[0].upper(), ""
    summary = f"{operation} {table}".rstrip()
    facts = {
        "db.operation.name": operation,
        "db.query.summary": summary,
        "db.query.text": statement[:MAX_TEXT],
    }
    return _Said(summary, {**facts, "db.collection.name": table} if table else facts)
