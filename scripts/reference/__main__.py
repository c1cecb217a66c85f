"""`python -m scripts.reference`: write the pages that are made from the program anew."""

from __future__ import annotations

import sys

from scripts.reference import ROOT, write


def main() -> int:
    """Write them and name those that have changed."""
    changed = write()
    for path in changed:
        print(path.relative_to(ROOT))
    if not changed:
        print("All pages are as they should be.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
