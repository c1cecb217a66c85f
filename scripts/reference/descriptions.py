"""What the API's description says, in the language of a page."""

from __future__ import annotations

import re

from scripts.reference.descriptions_text import CHINESE
from scripts.reference.words import ENGLISH, Words


class Descriptions:
    """Its texts in one language, and which of them a page has asked for."""

    def __init__(self, words: Words) -> None:
        self._known = None if words is ENGLISH else CHINESE
        self._asked: set[str] = set()

    def told(self, text: str) -> str:
        """A text, in one line, for a cell of a table."""
        said = re.sub(r"\s+", " ", text).strip()
        if said and self._known is not None:
            self._asked.add(said)
            said = self._known.get(said, said)
        return said.replace("|", "\\|")

    def check(self) -> None:
        """Raise `LookupError` for texts without a translation, and for translations of no text."""
        if self._known is None:
            return
        if missing := self._asked - set(self._known):
            raise LookupError(
                f"{_quoted(missing)}: write it in Chinese in scripts/reference/descriptions_text.py"
            )
        if gone := set(self._known) - self._asked:
            raise LookupError(
                f"{_quoted(gone)} is not in the description any more: take it out of "
                "scripts/reference/descriptions_text.py"
            )


def _quoted(texts: set[str]) -> str:
    return ", ".join(f'"{text}"' for text in sorted(texts))
