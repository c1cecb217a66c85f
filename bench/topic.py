"""What a topic is: lines that belong together, and how the systems behind them are measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.line import Absent, Line, Measured
from bench.sampling import Sampler
from bench.servers import Servers
from bench.sizes import Sizes

Outcome = Measured | Absent


class RoundFailed(Exception):
    """A system did not do what it was given to do; the message says what is missing."""


class NotThere(Exception):
    """What a line is about does not exist in this version; the message says so."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every topic works with.

    `wanted` are the systems that lines to be judged need; `sampler` is there when profiles are
    wanted.
    """

    folder: Path
    servers: Servers
    sizes: Sizes
    wanted: frozenset[str]
    sampler: Sampler | None = None

    def watched(self, system: str, roots: Collection[int]) -> AbstractContextManager[None]:
        """While the block lasts, profiles are taken of these processes' trees, if wanted."""
        return self.sampler.watching(system, roots) if self.sampler else nullcontext()

    def place(self, name: str) -> Path:
        """A fresh folder of that name."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder


class Topic(ABC):
    """Lines and the measuring behind them.

    Made once a run. `prepare` comes before the first round; `round` then as often as there are
    rounds, between those of the other topics.
    """

    name: ClassVar[str]

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.sizes = around.sizes
        self.servers = around.servers

    @staticmethod
    @abstractmethod
    def lines(sizes: Sizes) -> Sequence[Line]:
        """What is promised."""

    @staticmethod
    @abstractmethod
    def titles(sizes: Sizes) -> Mapping[str, str]:
        """The systems that may be measured, and what each one is."""

    @staticmethod
    def extra(sizes: Sizes) -> Mapping[str, str]:
        """Systems that are measured without a target, and the key by which each is chosen."""
        return {}

    def prepare(self) -> None:  # noqa: B027 - not every topic has something to prepare
        """Make what all rounds use. Raises `RoundFailed`, `NotThere`."""

    @abstractmethod
    def round(self, number: int) -> Iterator[Outcome]:
        """Measure each wanted system once. `number` counts from 1."""

    def wants(self, system: str) -> bool:
        """Whether a line needs that system."""
        return system in self.around.wanted
