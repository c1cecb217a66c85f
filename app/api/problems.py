"""Every error of the API in one shape: RFC 9457 `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.core.context import request_id
from app.core.errors import AppError
from app.core.logging import get_logger
from app.db.session import is_transient

MEDIA_TYPE = "application/problem+json"
# Where a request keeps the code of the problem that it was answered with.
CODE = "problem_code"
RETRY_AFTER_SECONDS = 2
# Ten thousand tasks can have as many mistakes, most of them the same.
MAX_ERRORS = 100
_log = get_logger(__name__)

# Codes of errors that no service raised.
_CODES = {404: "not_found", 405: "method_not_allowed", 500: "internal"}


def problem(
    path: str,
    status: int,
    detail: str,
    *,
    code: str | None = None,
    title: str | None = None,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error response. `detail` says what to do; `code` is stable, for programs."""
    code = code or _CODES.get(status, f"http_{status}")
    body: dict[str, Any] = {
        "type": f"urn:tasksystem:problem:{code}",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": path,
        "code": code,
        "request_id": request_id.get(),
    }
    if errors is not None:
        body["errors"] = errors[:MAX_ERRORS]
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def unavailable(path: str, detail: str) -> JSONResponse:
    """503 with the time after which to try again."""
    return problem(
        path,
        503,
        detail,
        code="unavailable",
        title="Temporarily unavailable",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def internal(path: str) -> JSONResponse:
    """500, which says nothing about the inside; the log has it under the same request id."""
    return problem(
        path,
        500,
        "Something went wrong on the server; its log has the details under this request_id",
    )


def install(app: FastAPI) -> None:
    """Answer errors of every origin in this shape."""
    app.add_exception_handler(AppError, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(ConnectionError, _database)


async def _refusal(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, AppError)
    request.scope[CODE] = exc.code
    headers = dict(exc.headers)
    if exc.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if exc.status == 503:
        headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    return problem(
        request.url.path,
        exc.status,
        exc.detail,
        code=exc.code,
        title=exc.title,
        errors=exc.errors if exc.status != 422 else exc.errors or [],
        headers=headers,
    )


async def _invalid(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    request.scope[CODE] = "invalid"
    errors = [
        {"loc": list(error["loc"]), "msg": error["msg"], "type": error["type"]}
        for error in exc.errors()
    ]
    return problem(
        request.url.path,
        422,
        _summary(errors),
        code="invalid",
        title="Invalid request",
        errors=errors,
    )


def _summary(errors: list[dict[str, Any]]) -> str:
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place}: {first['msg']}{more}"


async def _http(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    detail = {
        404: "There is nothing at this address; /docs lists what there is",
        405: "This address does not know that method; the Allow header names those it knows",
    }.get(exc.status_code, str(exc.detail))
    code = _CODES.get(exc.status_code, f"http_{exc.status_code}")
    request.scope[CODE] = code
    return problem(request.url.path, exc.status_code, detail, code=code, headers=exc.headers)


async def _database(request: Request, exc: Exception) -> JSONResponse:
    if not (is_transient(exc) or isinstance(exc, PoolTimeout | ConnectionError)):
        raise exc
    request.scope[CODE] = "unavailable"
    reason = exc.orig if isinstance(exc, DBAPIError) else exc
    _log.warning("database unavailable", error=str(reason), path=request.url.path)
    return unavailable(request.url.path, "The database does not answer; try again shortly")
