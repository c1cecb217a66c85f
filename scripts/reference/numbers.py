"""The table of numbers in `docs/*/comparison.md`, from the benchmark that is committed."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.reference.words import Words

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results" / "full.md"
BEGIN = "<!-- numbers: python -m scripts.reference -->"
END = "<!-- end of numbers -->"
# Of the table of executions; what is measured besides is about ways to run a worker.
SHOWN = (
    "Celery, results ignored",
    "Celery, results, events, Flower",
    "tracked, sqlite",
    "tracked, sqlite, one row a message",
    "tracked, sqlite, burst lane",
    "tracked, postgresql",
    "tracked, postgresql, one row a message",
    "tracked, postgresql, burst lane",
)
_COLUMNS = {
    "en": "| system | tasks a second | ms of processor time each |",
    "zh": "| 系统 | 每秒任务数 | 每个任务的处理器时间（毫秒） |",
}
_MACHINE = {
    "en": "Machine: {cpu}, {cores} cores, {memory_gib} GiB; Python {python}, Celery {celery}.",
    "zh": "机器：{cpu}，{cores} 核，{memory_gib} GiB；Python {python}，Celery {celery}。",
}


def renewed(text: str, words: Words) -> str:
    """The page with the table of the committed results. Raises `LookupError` without its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise LookupError(f"docs/{words.code}/comparison.md lacks {BEGIN} or {END}")
    return (
        f"{before}{BEGIN}\n\n{_table(RESULTS.read_text(encoding='utf-8'), words)}\n\n{END}{after}"
    )


def _table(results: str, words: Words) -> str:
    executions, peers = _rows(_chapter(results, "Execution")), _rows(_chapter(results, "Peers"))
    rows = [*(executions[name] for name in SHOWN), *peers.values()]
    machine = dict(re.findall(r"^\| (\w+) \| (.+?) \|$", _chapter(results, "Machine"), re.M))
    lines = [_COLUMNS[words.code], "|---|---|---|", *rows]
    return "\n".join([*lines, "", _MACHINE[words.code].format(**machine)])


def _rows(chapter: str) -> dict[str, str]:
    """The rows with a rate and a processor time, by system."""
    found = re.findall(r"^\| ([^|]+) \| ([\d,.]+[^|]*) \| ([\d.]+[^|]*) \|.*$", chapter, re.M)
    return {name: f"| {name} | {rate} | {cost} |" for name, rate, cost in found}


def _chapter(text: str, title: str) -> str:
    """The first table of a chapter."""
    chapter = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return chapter.strip().split("\n\n")[0]
