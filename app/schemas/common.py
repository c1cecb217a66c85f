"""Types of values that come in: strict, and fit for every layer below."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,18})", re.ASCII)
# Unicode's categories Cc and Cs.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_YEARS = range(1970, 3000)


class Request(BaseModel):
    """A body. No unknown fields, and no value is turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Answer(BaseModel):
    """A response, read from the attributes of a row."""

    model_config = ConfigDict(from_attributes=True)


def _time(value: Any) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise PydanticCustomError(
            "time",
            "Input should be an RFC 3339 time with offset, such as 2030-01-31T08:00:00+08:00",
        )
    try:
        parsed = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("time", "There is no such day or time") from None
    if parsed.year not in _YEARS:
        raise PydanticCustomError("time", "The year should be from 1970 to 2999")
    return parsed


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "Input should not be blank")
    return value


def _one_line(value: str) -> str:
    # Control characters would forge lines in logs and terminals wherever the name is shown.
    if _CONTROL.search(value):
        raise PydanticCustomError("text", "Input should not hold control characters")
    return value


def _digits(value: Any) -> Any:
    # Python's int() takes "1_000", "+5", " 5" and digits of other scripts.
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            raise PydanticCustomError("int_parsing", "Input should be a whole number")
        return int(value)
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise PydanticCustomError("bool_parsing", "Input should be true or false")
        return value == "true"
    return value


Time = Annotated[datetime, BeforeValidator(_time)]
Id = Annotated[UUID, Field(strict=False)]
QueryInt = Annotated[int, BeforeValidator(_digits)]
QueryBool = Annotated[bool, BeforeValidator(_flag)]
Line = Annotated[str, AfterValidator(_one_line)]
Named = Annotated[Line, AfterValidator(_not_blank)]
Name = Annotated[Named, Field(min_length=1, max_length=200)]
TaskType = Annotated[Named, Field(min_length=1, max_length=100)]
FunctionName = Annotated[Named, Field(min_length=1, max_length=255)]
QueueName = Annotated[Named, Field(min_length=1, max_length=100)]
OwnerRef = Annotated[Named, Field(min_length=1, max_length=200)]
LimitKey = Annotated[Named, Field(min_length=1, max_length=200, pattern=r"^[^/*]*$")]
Tag = Annotated[Named, Field(min_length=1, max_length=64)]
Priority = Annotated[int, Field(ge=1, le=4)]
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]

Skip = Annotated[QueryInt, Field(ge=0, le=100_000)]
Limit = Annotated[QueryInt, Field(ge=1, le=500)]
