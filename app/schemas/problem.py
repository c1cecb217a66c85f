"""The one shape of every error (RFC 9457)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ProblemPlace(BaseModel):
    """One place of the request that was refused."""

    loc: list[str | int] = Field(examples=[["body", "priority"]])
    msg: str = Field(examples=["Input should be less than or equal to 4"])
    type: str = Field(examples=["less_than_equal"])


class Problem(BaseModel):
    """An error."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:tasksystem:problem:not_found",
                    "title": "Not found",
                    "status": 404,
                    "detail": "There is no such task",
                    "instance": "/api/v1/tasks/01a20e62-5c01-77fa-b45b-507bb0619966",
                    "code": "not_found",
                    "request_id": "4f0d2f9cbb7a4a13a1d0f0a8c9b0e6d2",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str = Field(description="One sentence for people: what is wrong and what to do.")
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="For programs; never changes.")
    request_id: str = Field(description="Stands in the log and in the X-Request-ID header.")
    errors: list[ProblemPlace] | None = Field(None, description="Present when status is 422.")
