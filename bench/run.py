"""The run: topic after topic, round after round, so that all of them share good and bad moments."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.line import Absent, Judged, Line, Measured, Round, Summary, judge, summarise
from bench.sampling import Sampler
from bench.servers import servers
from bench.sizes import Sizes
from bench.topic import NotThere, RoundFailed, Surroundings, Topic

Told = Callable[[str], None]


@dataclass(slots=True)
class Results:
    """Everything that came out of a run. `interrupted`: it would have gone on."""

    sizes: Sizes
    lines: Sequence[Line]
    titles: dict[str, str]
    topics: dict[str, str]
    rounds: list[Round] = field(default_factory=list)
    absent: dict[str, Absent] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def judged(self) -> list[Judged]:
        """A verdict for each line."""
        return [judge(line, self.rounds, self.absent) for line in self.lines]

    @property
    def summaries(self) -> list[Summary]:
        """Every system that was measured."""
        return summarise(self.rounds)


def select(
    topics: Sequence[type[Topic]], sizes: Sizes, only: Sequence[str]
) -> tuple[list[Line], set[str]]:
    """The lines whose keys begin with one of `only` (all of them for none), and the systems.

    Raises `ValueError` for a beginning that fits nothing.
    """
    lines = {line.key: line for topic in topics for line in topic.lines(sizes)}
    extra = {
        key: system for topic in topics for system, key in topic.extra(sizes).items()
    }  # fmt: skip
    for start in only:
        if not any(key.startswith(start) for key in [*lines, *extra]):
            known = ", ".join(sorted({*lines, *extra}))
            raise ValueError(f"no line is called {start!r}; there are: {known}")

    def chosen(key: str) -> bool:
        return not only or key.startswith(tuple(only))

    found = [line for key, line in lines.items() if chosen(key)]
    systems = {system for line in found for system in line.systems}
    return found, systems | {system for key, system in extra.items() if chosen(key)}


def run(
    topics: Sequence[type[Topic]],
    sizes: Sizes,
    chosen: tuple[Sequence[Line], Iterable[str]],
    folder: Path,
    tell: Told,
    sampler: Sampler | None = None,
) -> Results:
    """Measure the systems of the lines. What fails is noted, and the rest goes on.

    Ctrl-C ends the rounds; what whole topics have measured until then is kept.
    """
    lines, wanted = chosen[0], frozenset(chosen[1])
    owners = {name: topic.name for topic in topics for name in topic.titles(sizes)}
    titles = {name: title for topic in topics for name, title in topic.titles(sizes).items()}
    results = Results(sizes, lines, titles, owners)
    with servers(folder) as running:
        around = Surroundings(folder, running, sizes, wanted, sampler)
        made = [topic(around) for topic in topics if wanted & set(topic.titles(sizes))]
        ready = [topic for topic in made if _prepare(topic, results, tell)]
        for number in range(1, sizes.rounds + 1):
            one: list[Measured] = []
            try:
                for topic in ready:
                    one += _measure(topic, number, results, tell)
            except KeyboardInterrupt:
                results.interrupted = True
            results.rounds.append(Round(one))
            if results.interrupted:
                break
    return results


def _prepare(topic: Topic, results: Results, tell: Told) -> bool:
    with _timed(topic, results):
        try:
            topic.prepare()
        except Exception as error:  # the other topics can do without this one
            _give_up(topic, error, (), results, tell)
            return False
    return True


def _measure(topic: Topic, number: int, results: Results, tell: Told) -> list[Measured]:
    measured: list[Measured] = []
    with _timed(topic, results):
        try:
            for outcome in topic.round(number):
                if isinstance(outcome, Absent):
                    _note(outcome, results, tell)
                else:
                    measured.append(outcome)
                    tell(f"round {number}  {outcome.system:28} {_shown(outcome)}")
        except Exception as error:  # the same
            _give_up(topic, error, measured, results, tell)
    return measured


def _give_up(
    topic: Topic, error: Exception, measured: Sequence[Measured], results: Results, tell: Told
) -> None:
    """Note why nothing more came of a topic: it lacks something, or something went wrong."""
    if not isinstance(error, NotThere | RoundFailed):
        tell("".join(traceback.format_exception(error)))
    came = {each.system for each in measured}
    for system in topic.titles(results.sizes):
        if topic.wants(system) and system not in came:
            failed = not isinstance(error, NotThere)
            _note(Absent(system, str(error) or repr(error), failed), results, tell)


def _note(absent: Absent, results: Results, tell: Told) -> None:
    if absent.system not in results.absent:
        word = "FAILED" if absent.failed else "NOT RUN"
        tell(f"{word}  {absent.system}: {absent.reason}")
        results.absent[absent.system] = absent


def _shown(measured: Measured) -> str:
    values = "  ".join(f"{name} {value:g}" for name, value in measured.values.items())
    parts = ", ".join(f"{kind} {ms:.3f}" for kind, ms in measured.parts.items() if ms >= 0.0005)
    return f"{values}  ({parts})" if parts else values


@contextmanager
def _timed(topic: Topic, results: Results) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        spent = results.seconds.get(topic.name, 0.0) + time.monotonic() - began
        results.seconds[topic.name] = round(spent, 1)
