"""`python -m bench.peers.fill NAME COUNT`: submit tasks to a peer; 0 makes its tables.

Runs in the peer's environment.
"""

from __future__ import annotations

import importlib
import sys


def main(name: str, count: int) -> None:
    """Do it."""
    app = importlib.import_module(f"bench.peers.apps.{name}")
    if count:
        app.fill(count)
    elif hasattr(app, "prepare"):
        app.prepare()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
