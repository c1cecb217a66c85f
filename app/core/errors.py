"""Errors that a person is meant to read: one sentence, one stable code, one HTTP status."""

from __future__ import annotations

from typing import Any, ClassVar


class ConfigurationError(Exception):
    """The process cannot start as configured. The text names the setting and the cure."""


class AppError(Exception):
    """A refusal the caller can act on. `detail` is one sentence; `code` never changes."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"
    default_code: ClassVar[str] = "bad_request"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.errors = errors
        self.headers = headers or {}


class Unauthorized(AppError):
    status, title, default_code = 401, "Not signed in", "unauthorized"


class Forbidden(AppError):
    status, title, default_code = 403, "Not allowed", "forbidden"


class NotFound(AppError):
    status, title, default_code = 404, "Not found", "not_found"


class Conflict(AppError):
    status, title, default_code = 409, "Conflict", "conflict"


class PreconditionFailed(AppError):
    status, title, default_code = 412, "Precondition failed", "version_mismatch"


class TooLarge(AppError):
    status, title, default_code = 413, "Too large", "too_large"


class Invalid(AppError):
    """Well-formed, but refused. `errors` holds `{loc, msg, type}` per place."""

    status, title, default_code = 422, "Invalid request", "invalid"


class TooMany(AppError):
    """Come back later: `Retry-After` among the headers says when."""

    status, title, default_code = 429, "Too many requests", "too_many_requests"


class TooManyAttempts(TooMany):
    """Somebody guesses."""

    title, default_code = "Too many attempts", "too_many_attempts"
