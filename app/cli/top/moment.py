"""Now, by two clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.cli.drawing import span
from app.cli.top.picture import Picture


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: in UTC as the server has it, and on the clock of the picture."""

    utc: datetime
    at: float

    @classmethod
    def of(cls, picture: Picture, at: float) -> Moment:
        """The present moment of the server, as far as it has told its time."""
        return cls(datetime.now(UTC) + timedelta(seconds=picture.ahead), at)

    def since(self, time: str | None) -> str:
        """How long ago that was."""
        if time is None:
            return ""
        return span((self.utc - datetime.fromisoformat(time)).total_seconds())
