"""Arguments that nobody is to see: which they are, by function, and how they are hidden.

A function names its sensitive parameters on its decorator; whoever reads the catalogue tells this
module. Of a function that it was not told of everything is hidden: nobody here can say which of its
arguments are secrets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core import redact
from app.core.redact import MASK, MAX_DEPTH

# Shorter values would be found, by chance, in every line of a traceback.
MIN_LENGTH = 4
# Values of one task that are looked for in its texts.
MAX_VALUES = 1000

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sensitive:
    """What is secret about a function's arguments.

    `names` are the parameters that it declares so, None all of them, and `telling` those whose names
    say it (`core.redact`), which monitors are not shown either. `positional` are its parameters that
    may be given by position, in their order; `rest` and `extra` name its `*args` and `**kwargs`.
    """

    names: frozenset[str] | None
    telling: frozenset[str] = frozenset()
    positional: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    rest: str | None = None
    extra: str | None = None

    def at(self, index: int) -> str | None:
        """The name of the parameter that this place among the positional arguments fills."""
        return self.positional[index] if index < len(self.positional) else self.rest

    def hides(self, name: str | None, *, telling: bool = False) -> bool:
        """Whether what is given for this parameter is secret."""
        if self.names is None or name in self.names or (telling and name in self.telling):
            return True
        return self.extra in self.names and name != self.rest and name not in self.named


_EVERYTHING = Sensitive(None)
_known: dict[str, Sensitive | None] = {}


def know(functions: Mapping[str, Sensitive | None]) -> None:
    """Tell what is secret about every function; None: nothing is."""
    global _known
    _known = dict(functions)


def hide(
    function: str, args: list[Any], kwargs: dict[str, Any], *, telling: bool = False
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments with `***` for what is secret; what is null stays so. They are not changed.

    `telling`: also what is given for parameters with telling names.
    """
    of = _known.get(function, _EVERYTHING)
    if of is None or not (telling or of.names is None or of.names):
        return args, kwargs
    return (
        [
            _masked(value) if of.hides(of.at(index), telling=telling) else value
            for index, value in enumerate(args)
        ],
        {
            name: _masked(value) if of.hides(name, telling=telling) else value
            for name, value in kwargs.items()
        },
    )


def _masked(value: Any) -> Any:
    return None if value is None else MASK


def masks(of: Sensitive, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Where a mask stands for something secret: `["args", 0]`, `["kwargs", "password"]`."""
    for index, value in enumerate(args):
        if value == MASK and of.hides(of.at(index)):
            yield ["args", index]
    for name, value in kwargs.items():
        if value == MASK and of.hides(name):
            yield ["kwargs", name]


def restored(function: str, given: Arguments, kept: Arguments) -> tuple[list[Any], dict[str, Any]]:
    """Arguments as they come back from whoever was shown them: a mask stands for what is kept.

    By the parameter, so it does not matter whether it is given by name or by position. A mask for
    which nothing is kept stays.
    """
    args, kwargs = list(given[0]), dict(given[1])
    of = _known.get(function)
    if of is None or of.names is None:
        return args, kwargs
    known = _by_parameter(of, kept)
    for where, place in masks(of, args, kwargs):
        key = _parameter(of, place) if where == "args" else place
        if where == "args":
            args[place] = known.get(key, MASK)
        else:
            kwargs[place] = known.get(key, MASK)
    return args, kwargs


def _by_parameter(of: Sensitive, arguments: Arguments) -> dict[Any, Any]:
    args, kwargs = arguments
    return {_parameter(of, index): value for index, value in enumerate(args)} | dict(kwargs)


def _parameter(of: Sensitive, index: int) -> Any:
    """What a positional argument is kept under: its parameter, or its place in `*args`."""
    return of.positional[index] if index < len(of.positional) else index


# Secrets in texts


@dataclass(slots=True)
class _Leaves:
    """The values inside a value, a bounded number of them."""

    found: list[Any] = field(default_factory=list)

    def add(self, value: Any, depth: int = MAX_DEPTH) -> None:
        if isinstance(value, Mapping) and depth:
            for item in value.values():
                self.add(item, depth - 1)
        elif isinstance(value, list | tuple) and depth:
            for item in value:
                self.add(item, depth - 1)
        elif len(self.found) < MAX_VALUES and not isinstance(value, bool | None):
            self.found.append(value)


def texts(function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """How the secrets among these arguments may be written, the longest first.

    Nothing of a function that is not known.
    """
    of = _known.get(function)
    if of is None or not of.names:
        return ()
    secret = [value for index, value in enumerate(args) if of.hides(of.at(index))]
    secret += [value for name, value in kwargs.items() if of.hides(name)]
    return spellings(secret)


def spellings(value: Any) -> tuple[str, ...]:
    """How a value, and each value in it, may be written in a message: as it is, in Python, in JSON."""
    leaves = _Leaves()
    leaves.add(value)
    found = {text for leaf in leaves.found for text in _written(leaf)}
    return tuple(sorted((t for t in found if len(t) >= MIN_LENGTH), key=lambda t: (-len(t), t)))


def _written(leaf: Any) -> Iterator[str]:
    text = str(leaf)
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]


def conceal(text: str, secrets: Iterable[str]) -> str:
    """The text with `***` wherever one of these stands in it."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def told(text: str, secrets: Iterable[str]) -> str:
    """What a task tells, as others are shown it: without these, and without what looks like a secret.

    To be asked before anything is cut: half a secret would not be found.
    """
    return redact.text(conceal(text, secrets))


def concealed(value: Any, secrets: Sequence[str], depth: int = MAX_DEPTH) -> Any:
    """The same of whatever a log line may hold."""
    if isinstance(value, str):
        return conceal(value, secrets)
    if value is None or isinstance(value, bool):
        return value
    if depth and isinstance(value, Mapping):
        return {key: concealed(item, secrets, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple):
        return [concealed(item, secrets, depth - 1) for item in value]
    shown = repr(value)
    hidden = conceal(shown, secrets)
    return value if hidden == shown else hidden
