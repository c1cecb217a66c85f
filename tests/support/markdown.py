"""Fenced blocks of Markdown documents, and how to run them.

The convention for the project's own documents (`documents()`):

- Every block whose language is `bash` or `python` is run, in the document's order, in a copy of
  the clone beside a running system. Other languages (`text`, `json`, `ini`, ...) are only shown.
- `<!-- not run: reason -->` on the line before a block excepts it; the reason is required.
- `<!-- file: path/in/the/clone.py -->` before a `python` block: the block is a file. It is written
  before the system starts, and its module is added to `TASK_MODULES`.
- `bash` blocks of one document share a shell's variables and see `TOKEN`, `TASK_ID`, `URL`,
  `TASKCTL_URL` and `TASKCTL_TOKEN`; they fail at the first failing command. The address
  `localhost:8000` is replaced by the system's own when another port is in use.
- `python` blocks may use `await` at top level and find `db` (a session), `task_id`, `user_id`
  and `task_service`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from tests.support.processes import ROOT

# Folders, besides the root and `docs`, in which something is explained where it lies.
FOLDERS = ("client", "deploy/helm/tasksystem", "tests/chaos")
RUN_LANGUAGES = ("bash", "python")
_FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})(?P<language>\w*)")
_NUMBER = re.compile(r"^#+\s+(?P<number>\d+(\.\d+)*)\.?\s")
_DIRECTIVE = re.compile(r"<!--\s*(?P<name>not run|file)\s*:\s*(?P<value>.*?)\s*-->")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `key` is the section's number and the block's place in it: `3.1#2`."""

    key: str
    line: int
    language: str
    text: str
    not_run: str | None = None
    file: str | None = None

    @property
    def runs(self) -> bool:
        """Whether the convention wants it run as a command or a program."""
        return self.language in RUN_LANGUAGES and not self.not_run and not self.file


def documents() -> list[Path]:
    """The project's own documents."""
    beside = (path for name in FOLDERS for path in (ROOT / name).glob("*.md"))
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *beside])


def blocks(path: Path) -> list[Block]:
    """Every fenced block of a document, in order."""
    found: list[Block] = []
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    section, ordinal, previous = "0", 0, ""
    for number, line in lines:
        if heading := _NUMBER.match(line):
            section, ordinal = heading["number"], 0
        elif line.startswith("#"):
            section, ordinal = line.lstrip("# "), 0
        elif opening := _FENCE.match(line):
            body: list[str] = []
            for _, inner in lines:
                if inner.strip() == opening["fence"]:
                    break
                body.append(inner)
            ordinal += 1
            directive = _DIRECTIVE.search(previous)
            name = directive["name"] if directive else ""
            value = directive["value"] if directive else ""
            found.append(
                Block(
                    key=f"{section}#{ordinal}",
                    line=number,
                    language=opening["language"],
                    text="\n".join(body) + "\n",
                    not_run=value if name == "not run" else None,
                    file=value if name == "file" else None,
                )
            )
        if line.strip():
            previous = line
    return found


def as_program(block: str, *, task_id: str, user_id: str) -> str:
    """A Python block as a program: on an event loop, with `db`, `task_id` and `user_id`."""
    return (
        "import asyncio\n"
        "from uuid import UUID\n"
        "from app.db.session import async_session\n"
        "from app.services.task import task_service\n"
        "async def main():\n"
        f"    task_id, user_id = {task_id!r}, UUID({user_id!r})\n"
        "    async with async_session() as db:\n"
        f"{indent(block, ' ' * 8)}\n"
        "        names = dict(locals())\n"
        "    for name in ('task', 'tasks', 'celery_id', 'success'):\n"
        "        if name in names:\n"
        "            value = names[name]\n"
        "            shown = value.id if hasattr(value, 'id') else value\n"
        "            shown = [row.id for row in shown] if isinstance(shown, list) else shown\n"
        "            print(name, '=', *shown if isinstance(shown, list) else [shown])\n"
        "asyncio.run(main())\n"
    )
