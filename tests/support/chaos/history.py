"""What happened in a scenario: everything that the checker judges by, fit for a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.support.effects import Effect

# The name of a fault in which the database loses what it had not promised to keep: claims of
# retryable tasks, marks, progress. Statuses that are not final may then have gone back.
DATABASE_CRASH = "database crash"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API. `status` is None when no answer came: the outcome is unknown.

    `answer` is JSON, or text where it was none. `key` is the idempotency key, if one was sent.
    """

    method: str
    path: str
    body: Any
    status: int | None
    answer: Any
    started: float
    ended: float
    retry_after: str | None = None
    key: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the API said that it has done what was asked."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Sample:
    """A task as it was seen at one moment; asked for at `asked`, answered at `at`."""

    task_id: str
    status: str
    version: int
    progress: float
    attempt: int
    at: float
    asked: float = 0.0


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """A fault, from its first to its last moment. A kill has no length.

    `kind` is one of `faults.Kind`; `part` and `pid` say what was hit, where it was one part, or
    one process. `back` is when the successor of a killed agent began to work, if it told.
    """

    name: str
    started: float
    ended: float
    kind: str = "other"
    part: str = ""
    pid: int | None = None
    back: float | None = None

    def overlaps(self, started: float, ended: float) -> bool:
        """Whether the fault was there at any moment in between."""
        return self.started <= ended and started <= self.ended


@dataclass(frozen=True, slots=True)
class Look:
    """What the stores held at one moment, read past the API.

    `overdue` are running rows whose lease was over by more than the grace; `ready` counts rows
    that could have run a second ago, `idle` the slots of live workers without an attempt,
    `starts` all attempts ever begun. `hints` are messages in the broker, by queue, and
    `windows` their bounds; empty when the broker did not answer. `exceeded` are limits under which
    more tasks were handed out or running than they let.
    """

    at: float
    overdue: list[str]
    ready: int
    idle: int
    starts: int
    hints: dict[str, int] = field(default_factory=dict)
    windows: dict[str, int] = field(default_factory=dict)
    exceeded: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PartLife:
    """A part from its start to its end by the scenario; `ended` is None while it should live.

    `ready` is when it said that it begins to work; None when it never did, or tells nothing of it.
    """

    part: str
    started: float
    ended: float | None = None
    ready: float | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """One process that was seen, by its role in a part, with sizes as `(time, megabytes)`."""

    part: str
    role: str
    pid: int
    sizes: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class End:
    """A process that ended, or had to be replaced, without being told to by its keeper.

    `how` is the word of its keeper's log. `pid` is known of pool processes only.
    """

    part: str
    at: float
    how: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """What a part that should live lacked at the end, although it had time to recover."""

    part: str
    what: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it stands at the end: a slot every `seconds`, the next one `next_fire`.

    `made_at` is the Unix time at which a user made it; one of the code is made by the first beat.
    """

    name: str
    seconds: float
    next_fire: str
    made_at: float | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A schedule's slot that fired, when it did, and the task it became."""

    schedule: str
    fire_at: str
    task_id: str
    fired_at: str


@dataclass(slots=True)
class Facts:
    """The scenario and the settings it ran with. Durations are seconds."""

    scenario: str = ""
    database: str = ""
    seed: int = 0
    lease_seconds: float = 3.0
    grace_seconds: float = 5.0
    memory_limit_mb: float = 500.0
    # Tasks that have this path among their arguments write effects.
    effect_log: str = ""
    # Functions that write `start` first and `done` last, and whose `done` may be counted.
    complete_functions: list[str] = field(default_factory=list)
    # Those of them that end their own process.
    deadly_functions: list[str] = field(default_factory=list)
    # Functions whose rows are claimed together; one that has not begun is taken back.
    burst_functions: list[str] = field(default_factory=list)
    # Whether all tasks were finished when the time of quiet was over.
    settled: bool = True
    # When the schedules were read for the last time.
    ended: float = 0.0


@dataclass(slots=True)
class History:
    """One scenario, from its first call to the final dump.

    `tasks` is that dump, by id: each task as the API shows it, with its `attempts` where the
    scenario read them. `count` is the answer of the counting endpoint at the same time.
    """

    facts: Facts = field(default_factory=Facts)
    calls: list[Call] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    faults: list[FaultSpan] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)
    parts: list[PartLife] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    def save(self, path: Path) -> Path:
        """Write everything as JSON; returns the path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, default=str))
        return path

    @classmethod
    def load(cls, path: Path) -> History:
        """What `save` has written."""
        raw = json.loads(path.read_text())
        return cls(
            facts=Facts(**raw["facts"]),
            calls=[Call(**each) for each in raw["calls"]],
            samples=[Sample(**each) for each in raw["samples"]],
            effects=[Effect(**each) for each in raw["effects"]],
            faults=[FaultSpan(**each) for each in raw["faults"]],
            looks=[Look(**each) for each in raw["looks"]],
            tasks=raw["tasks"],
            count=raw["count"],
            parts=[PartLife(**each) for each in raw["parts"]],
            processes=[_process(each) for each in raw["processes"]],
            ends=[End(**each) for each in raw["ends"]],
            missing=[Missing(**each) for each in raw["missing"]],
            schedules=[Schedule(**each) for each in raw["schedules"]],
            slots=[Slot(**each) for each in raw["slots"]],
        )


def _process(raw: dict[str, Any]) -> Process:
    return Process(**{**raw, "sizes": [(at, size) for at, size in raw["sizes"]]})
