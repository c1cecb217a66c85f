"""The state diagram of the documentation: `python -m app.domain.diagram` prints it.

Made from `TRANSITIONS`, so that the page cannot say anything else than the program does.
"""

from __future__ import annotations

import sys
from collections import defaultdict

from app.domain.lifecycle import TRANSITIONS, TaskStatus

OUTSIDE = "[*]"


def mermaid() -> str:
    """The table as a Mermaid `stateDiagram-v2`, one arrow for each pair of states."""
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for event, transition in TRANSITIONS.items():
        target = OUTSIDE if transition.target is None else transition.target.value
        sources = [status.value for status in TaskStatus if status in transition.sources]
        for source in sources or [OUTSIDE]:
            arrows[source, target].append(event.value)
    lines = [f"    {source} --> {target}: {', '.join(events)}" for (source, target), events in
             arrows.items()]  # fmt: skip
    return "\n".join(["stateDiagram-v2", *lines]) + "\n"


def table() -> str:
    """The table as Markdown: event, from, to, who, what it means."""
    rows = ["| event | from | to | who | meaning |", "|---|---|---|---|---|"]
    for event, transition in TRANSITIONS.items():
        sources = ", ".join(s.value for s in TaskStatus if s in transition.sources) or "-"
        target = "-" if transition.target is None else transition.target.value
        rows.append(f"| {event} | {sources} | {target} | {transition.by} | {transition.meaning} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(f"{mermaid()}\n{table()}")
