"""Limits as they come in and go out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.domain.limits import MAX_CONCURRENCY, Rate, parse_rate
from app.schemas.common import Answer, Request

_EXAMPLE: dict[str, JsonValue] = {"concurrency": 2, "rate": "100/m"}


def _rate(value: Any) -> Rate:
    try:
        return parse_rate(value)
    except (TypeError, ValueError):
        raise PydanticCustomError(
            "rate", "Input should be such as 10/s, 100/m or 5/h, up to 100000"
        ) from None


GivenRate = Annotated[
    Rate,
    PlainValidator(_rate),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5}/[smh]$"}),
]
Concurrency = Annotated[int, Field(ge=0, le=MAX_CONCURRENCY)]
_CONCURRENCY = "Tasks that are handed out or running at a time; 0 lets none start."
_RATE = "Tasks handed out in a second, minute or hour: `10/s`, `100/m`, `5/h`."


class LimitPut(Request):
    """A limit. What is left out does not limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    concurrency: Concurrency | None = Field(None, description=_CONCURRENCY)
    rate: GivenRate | None = Field(None, description=_RATE)


class LimitPatch(LimitPut):
    """A change. What is left out stays as it is; null takes it away."""


class Limit(Answer):
    """A limit and what counts against it now."""

    kind: Literal["queue", "task", "key"]
    name: str
    concurrency: int | None
    rate: str | None
    used: int = Field(
        description="Tasks handed out or running; of a limit for many keys, of all of them."
    )
    handed_out: int = Field(
        description="Tasks handed out within the rate's period; of a limit for many keys, of all of "
        "them, up to 10,000 keys."
    )
    updated_by: str | None = Field(description="null: the function's own `rate_limit`.")
    updated_at: datetime
