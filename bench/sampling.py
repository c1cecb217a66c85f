"""Which functions use the processor: py-spy beside a system's processes while it is measured.

A sample is named after the innermost function of this project on the stack, with what it calls in
libraries, and after the library whose code it was in; where no function of ours is on the stack,
after the library's own. Samples give shares; what they are shares of is the processor time that
the benchmark measured of that kind of process.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.cpu import kind_of

PER_SECOND = 200
END_SECONDS = 30
_BEGUN = b"Sampling process"
# Servers that are no Python programs; their time is one row.
SERVERS = {"postgresql", "broker"}
_FRAME = re.compile(r"^(?P<function>.+) \((?P<file>[^()]+)\)$")
_OURS = ("app.", "bench.", "scripts.")


@dataclass(frozen=True, slots=True)
class Frame:
    """A function, and the package whose code ran."""

    function: str
    package: str


@dataclass(slots=True)
class Samples:
    """What was seen of one system, by kind of process."""

    by_kind: dict[str, Counter[Frame]] = field(default_factory=dict)

    def spread(self, kind: str, amount: float) -> dict[Frame, float]:
        """`amount` of a kind of process, divided among its functions."""
        seen = self.by_kind.get(kind)
        if not seen:
            return {Frame(f"{kind}.process", kind): amount}
        total = seen.total()
        return {frame: amount * count / total for frame, count in seen.items()}


class Sampler:
    """Profiles of systems. Raises `ValueError` where there is no py-spy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._command = Path(sys.executable).with_name("py-spy")
        if not self._command.exists():
            raise ValueError(f"there is no {self._command}; `make bench ARGS=--help` installs it")
        self.seen: dict[str, Samples] = {}

    @contextmanager
    def watching(self, system: str, roots: Collection[int]) -> Iterator[None]:
        """Sample every Python process below `roots` for as long as the block lasts."""
        recorders = []
        for number, (process, kind) in enumerate(_python_processes(roots)):
            path = self._folder / f"{system}-{number}.raw"
            recorders.append((kind, path, self._start(process, path)))
        try:
            yield
        finally:
            for _, _, recorder in recorders:
                recorder.send_signal(signal.SIGINT)
            samples = self.seen.setdefault(system, Samples())
            for kind, path, recorder in recorders:
                recorder.communicate(timeout=END_SECONDS)
                found = read(path.read_text()) if path.exists() else Counter[Frame]()
                samples.by_kind.setdefault(kind, Counter()).update(found)

    def _start(self, process: psutil.Process, path: Path) -> subprocess.Popen[bytes]:
        command = [str(self._command), "record", "--pid", str(process.pid), "--nonblocking"]
        command += ["--rate", str(PER_SECOND), "--format", "raw", "--output", str(path)]
        command += ["--function", "--duration", "unlimited"]
        recorder = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert recorder.stdout is not None
        said = b""
        while _BEGUN not in said and (line := recorder.stdout.readline()):
            said += line
        if _BEGUN not in said:
            raise RuntimeError(f"py-spy samples nothing: {said.decode().strip()}")
        return recorder


def _python_processes(roots: Collection[int]) -> Iterator[tuple[psutil.Process, str]]:
    for root in roots:
        parent = psutil.Process(root)
        for process in [parent, *parent.children(recursive=True)]:
            if (kind := kind_of(process)) not in SERVERS:
                yield process, kind


def read(raw: str) -> Counter[Frame]:
    """Samples from py-spy's raw format: a stack and a number a line."""
    found: Counter[Frame] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        if stack and count.isdigit():
            found[_frame(stack.split(";"))] += int(count)
    return found


def _frame(stack: Sequence[str]) -> Frame:
    names = [_name(each) for each in stack]
    innermost = names[-1]
    ours = next((name for name in reversed(names) if name.startswith(_OURS)), innermost)
    return Frame(ours, innermost.split(".", 1)[0])


def _name(frame: str) -> str:
    """`module.function` of `function (path/module.py)`."""
    found = _FRAME.match(frame)
    if found is None:
        return frame
    path = re.sub(r"^.*(?:site-packages|lib/python3\.\d+)/", "", found["file"].split(":")[0])
    path = re.sub(r"^/.*/(?=(?:app|bench|scripts)/)", "", path)
    module = re.sub(r"(?:/__init__)?\.(?:py|pyx|so)$", "", path).strip("/").replace("/", ".")
    return f"{module}.{found['function']}"
