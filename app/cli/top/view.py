"""What is selected and open on the screen, and what each key does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.cli.top.picture import Row

PAGE_ROWS = 10
_SCOPES = {
    "cancel": "tasks:write",
    "retry": "tasks:write",
    "pause": "queues:write",
    "resume": "queues:write",
}
_QUESTIONS = {
    "cancel": "Cancel {}?",
    "retry": "Run {} again?",
    "pause": "Pause the queue {}?",
    "resume": "Let the queue {} go on?",
}


@dataclass(frozen=True, slots=True)
class Order:
    """Something to be done: `cancel`, `retry`, `pause`, `resume`, `show` or `quit`."""

    verb: str
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Something to read, in place of the lists: names and what stands beside them."""

    title: str
    pairs: Sequence[tuple[str, str]]


HELP = Page(
    "Keys",
    [
        ("up, down, k, j", "move"),
        ("Page Up, Page Down", f"move by {PAGE_ROWS}"),
        ("Home, End, g, G", "first, last"),
        ("Tab", "next part"),
        ("Enter", "show the task, and why it does not run or how it ended"),
        ("c", "cancel a running task"),
        ("r", "run a failed task again, as a new one"),
        ("p", "pause a queue, or let it go on"),
        ("/", "filter by part of a name, an id, a queue, a worker or an error"),
        ("Escape", "close, or show everything again"),
        ("Ctrl-L", "draw everything anew"),
        ("q", "quit"),
        ("", ""),
        ("", "c, r and p ask first: y does it, any other key does not."),
    ],
)


@dataclass(slots=True)
class View:
    """What the person looks at."""

    scopes: Collection[str]
    words: str = ""
    typing: bool = False
    page: Page | None = None
    scroll: int = 0
    question: Order | None = None
    message: str = ""
    _index: int = 0
    _selected: tuple[str, str] | None = None

    def settle(self, rows: Sequence[Row]) -> Row | None:
        """The selected line: the same as before as long as it is there, else its successor."""
        for index, row in enumerate(rows):
            if (row.kind, row.key) == self._selected:
                self._index = index
                return row
        if not rows:
            return None
        return self._select(rows, self._index)

    def say(self, message: str) -> None:
        """Show a remark until the next key."""
        self.message = message

    def open(self, page: Page) -> None:
        """Show a page from its beginning."""
        self.page, self.scroll = page, 0

    def press(self, key: str, rows: Sequence[Row]) -> Order | None:
        """What a key orders, if it orders anything. `rows` are all lines that are shown."""
        self.message = ""
        if self.question is not None:
            return self._answer(key)
        if self.typing:
            self._type(key)
            return None
        if self.page is not None:
            self._read(key)
            return None
        if key == "q":
            return Order("quit")
        if key == "/":
            self.typing = True
        elif key == "?":
            self.open(HELP)
        elif key == "escape":
            self.words = ""
        elif (row := self.settle(rows)) is not None:
            if key in ("c", "r", "p", "enter"):
                return self._act(key, row)
            self._move(key, rows)
        return None

    def _answer(self, key: str) -> Order | None:
        order, self.question = self.question, None
        if key in ("y", "Y"):
            return order
        self.say("Nothing was done.")
        return None

    def _type(self, key: str) -> None:
        if key in ("enter", "escape"):
            self.typing = False
            self.words = self.words if key == "enter" else ""
        elif key == "backspace":
            self.words = self.words[:-1]
        elif key == "clear":
            self.words = ""
        elif len(key) == 1:
            self.words += key

    def _read(self, key: str) -> None:
        if key in ("q", "escape", "enter", "?"):
            self.page = None
        elif (step := _step(key, end=1_000_000)) is not None:
            # Drawing puts an end to it, which knows how long the page is.
            self.scroll = max(self.scroll + step, 0)

    def _move(self, key: str, rows: Sequence[Row]) -> None:
        if (step := _step(key, end=len(rows))) is not None:
            self._select(rows, self._index + step)
        elif key == "tab":
            kinds = [row.kind for row in rows]
            order = list(dict.fromkeys(kinds))
            after = order.index(kinds[self._index]) + 1
            self._select(rows, kinds.index(order[after % len(order)]))

    def _select(self, rows: Sequence[Row], index: int) -> Row:
        self._index = min(max(index, 0), len(rows) - 1)
        row = rows[self._index]
        self._selected = (row.kind, row.key)
        return row

    def _act(self, key: str, row: Row) -> Order | None:
        if key == "enter":
            return Order("show", row)
        verbs = {
            "c": ("running", "cancel", "a running task"),
            "r": ("failed", "retry", "a failed task"),
            "p": ("queue", "resume" if row.data.get("paused") else "pause", "a queue"),
        }
        kind, verb, what = verbs[key]
        if row.kind != kind:
            self.say(f"{key} is for {what}.")
        elif _SCOPES[verb] not in self.scopes:
            self.say(f"Your token may not do that: it lacks {_SCOPES[verb]}.")
        else:
            # Lists move while one looks at them, so what is meant is said and asked.
            self.question = Order(verb, row)
        return None

    @property
    def asked(self) -> str:
        """The question that waits for an answer."""
        if self.question is None or self.question.row is None:
            return ""
        return _QUESTIONS[self.question.verb].format(self.question.row.name)


def _step(key: str, *, end: int) -> int | None:
    steps = {
        "up": -1, "k": -1, "down": 1, "j": 1, "pageup": -PAGE_ROWS, "pagedown": PAGE_ROWS,
        "home": -end, "g": -end, "end": end, "G": end,
    }  # fmt: skip
    return steps.get(key)
