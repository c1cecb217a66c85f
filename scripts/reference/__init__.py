"""Pages of the documentation that are made from the program: `python -m scripts.reference`.

`docs/*/configuration.md` from the settings, `docs/*/reference.md` from the API's description, and
the table of numbers in `docs/*/comparison.md` from the committed benchmark. `pages()` gives all of
them as they should be; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from scripts.reference import numbers, operations, settings
from scripts.reference.words import CHINESE, ENGLISH

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def pages() -> dict[Path, str]:
    """Every page that is made, wholly or in a part, and what it should hold."""
    from app.main import create_app

    described = create_app().openapi()
    made = {}
    for words in (ENGLISH, CHINESE):
        folder = DOCS / words.code
        made[folder / "configuration.md"] = settings.page(words)
        made[folder / "reference.md"] = operations.page(described, words)
        comparison = folder / "comparison.md"
        made[comparison] = numbers.renewed(comparison.read_text(encoding="utf-8"), words)
    return made


def write() -> list[Path]:
    """Write those that are not as they should be; which ones those were."""
    changed = []
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
