"""The Celery main processes of one worker: how many, how large, and what they are called. Pure.

A main process takes a message, hands it to a child and hears of its end, all in one thread. With
short tasks that thread is the ceiling, however many children it has; several small ones are not
held up by each other.
"""

from __future__ import annotations

import re

# More than these would not be busy before the database is, and each takes memory.
MOST_BY_ITSELF = 8

_NODE = re.compile(r"(?P<worker>.*-\d+)(?:_\d+)?(?:\.\d+)?(?P<host>@.*)", re.DOTALL)


def shares(pool: str, slots: int, wanted: int | None, cores: int) -> list[int]:
    """The slots of each main process of a worker that has `slots` in all, at least 1.

    `wanted` is how many processes there are to be, None for one on each core that a slot can
    use. None is ever without a slot. On `solo` a main process is a slot, so there are as many as
    slots, unless fewer are wanted. On `threads` there is one: threads share its interpreter
    anyway.
    """
    if pool == "threads":
        return [slots]
    if pool == "solo":
        return [1] * min(slots, wanted or slots)
    count = min(slots, wanted or min(cores, MOST_BY_ITSELF))
    each, more = divmod(slots, count)
    return [each + 1] * more + [each] * (count - more)


def node_name(worker: str, host: str, place: int | None, take: int) -> str:
    """The node name of a main process.

    `place` counts the processes of a worker from 1 and is None where there is only one; `take`
    counts those that had the place one after the other, from 1.
    """
    which = "" if place is None else f"_{place}"
    again = "" if take == 1 else f".{take}"
    return f"{worker}{which}{again}@{host}"


def worker_of(node: str) -> str:
    """What a node name has in common with the others of its worker, which live and die with it.

    A name that no worker of ours gave is its own.
    """
    found = _NODE.fullmatch(node)
    return node if found is None else found["worker"] + found["host"]
