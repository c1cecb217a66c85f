"""A process that feeds, beside others: `python -m tests.support.feeders TURNS NUMBER`.

It says that it is ready, waits for a line, and feeds its queues in turns, `NUMBER` first.
"""

from __future__ import annotations

import sys

from app.db.session import Database
from app.dispatch import Dispatcher

QUEUES = ("default", "lane")


def main(turns: int, number: int) -> None:
    """Feed so many times."""
    database = Database()
    dispatcher = Dispatcher(database)
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    sys.stdin.readline()
    for turn in range(turns):
        dispatcher.feed(QUEUES[(turn + number) % len(QUEUES)])
    database.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
