"""What the API description says of every operation: its id and each error it can answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.api.problems import MEDIA_TYPE
from app.api.rights import SCHEMES, scopes_of
from app.schemas.problem import Problem

_MEANINGS = {
    401: "No token, or one that is unknown, revoked or over",
    403: "The token lacks the scope, or its owner's role does not allow this",
    404: "There is no such thing, or it is somebody else's",
    409: "The present state does not allow this",
    412: "`If-Match` names another version than the present one",
    413: "The body is larger than 1 MiB",
    415: "The body is not sent as application/json",
    422: "A parameter or the body is refused; `errors` says which and why",
    429: "Too many requests, or guesses; `Retry-After` says when to come back",
    503: "The database does not answer; `Retry-After` says when to come back",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Error responses for `responses=` of an operation."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def described(
    endpoint: Callable[..., Any], options: dict[str, Any], *, public: bool
) -> dict[str, Any]:
    """Options of a route with its operation id and the errors that all such routes can answer."""
    statuses = {422, 503} if public else {401, 403, 422, 429, 503}
    if {"POST", "PATCH", "PUT"} & set(options.get("methods") or ()):
        statuses |= {413, 415}
    given = options.get("responses") or {}
    return {
        **options,
        "responses": {**problems(*sorted(statuses - set(given))), **given},
        "operation_id": options.get("operation_id") or _camel(endpoint.__name__),
    }


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def install(app: FastAPI) -> None:
    """Have the application describe itself with the problem schema in its place."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _describe(app: FastAPI) -> dict[str, Any]:
    described = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        tags=app.openapi_tags,
        routes=app.routes,
    )
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    _describe_rights(app, described)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return described


def _describe_rights(app: FastAPI, described: dict[str, Any]) -> None:
    described["components"]["securitySchemes"] = SCHEMES
    for route in app.routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        if (scopes := scopes_of(route.dependant)) is None:
            continue
        for method in route.methods or ():
            operation = described["paths"][route.path_format][method.lower()]
            operation["security"] = [{"token": [each.value for each in scopes]}, {"session": []}]
