"""What was typed, as names of keys."""

from __future__ import annotations

import codecs
import re

# Everything that a key may send between the escape and its end.
_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O[ -~])")
_UNFINISHED = re.compile(r"\x1b(\[[0-?]*[ -/]*|O)?")
_NAMES = {
    "[A": "up", "OA": "up", "[B": "down", "OB": "down",
    "[H": "home", "OH": "home", "[1~": "home", "[7~": "home",
    "[F": "end", "OF": "end", "[4~": "end", "[8~": "end",
    "[5~": "pageup", "[6~": "pagedown",
}  # fmt: skip
_CONTROLS = {
    "\r": "enter", "\n": "enter", "\t": "tab", "\x08": "backspace", "\x7f": "backspace",
    "\x0c": "redraw", "\x15": "clear",
}  # fmt: skip


class Keys:
    """Names keys in the bytes of a terminal, which come in pieces.

    A character is its own name. An escape may be a key or the beginning of one: while `waits` is
    true, the rest may still come, and after a moment without it `give_up` says what it was.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._held = ""

    @property
    def waits(self) -> bool:
        """Whether what was typed last may go on."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[str]:
        """The keys that these bytes complete; unknown ones are left out."""
        text, self._held = self._held + self._decoder.decode(data), ""
        names: list[str] = []
        while text:
            if _UNFINISHED.fullmatch(text):
                self._held = text
                break
            if sequence := _SEQUENCE.match(text):
                name, text = _NAMES.get(sequence[1]), text[sequence.end() :]
            else:
                name, text = _named(text[0]), text[1:]
            if name is not None:
                names.append(name)
        return names

    def give_up(self) -> list[str]:
        """Nothing more came: an escape alone is the key, half a sequence is nothing."""
        held, self._held = self._held, ""
        return ["escape"] if held == "\x1b" else []


def _named(char: str) -> str | None:
    if char == "\x1b":
        return "escape"
    return _CONTROLS.get(char) or (char if char.isprintable() else None)
