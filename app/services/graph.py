"""The dependency graph around a task, as far as the caller may see it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries import graph as queries

MAX_NODES = 1000
MAX_EDGES = 10_000


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes `id, name, status, reason, progress` and edges `task_id, needs_id`.

    `truncated`: there is more than is shown.
    """

    nodes: Sequence[Row[Any]]
    edges: Sequence[Row[Any]]
    truncated: bool


async def graph_around(
    db: AsyncSession, task_id: uuid.UUID, *, owner: uuid.UUID | None = None
) -> Graph | None:
    """Everything that edges connect with the task, the nearest 1,000; None if there is no such task.

    What is not `owner`'s is left out with its edges, and so is what only it connects.
    """
    found = (await db.scalars(queries.reached(task_id, owner, MAX_NODES + 1))).all()
    nodes = (await db.execute(queries.nodes(found[:MAX_NODES], owner))).all()
    ids = [node.id for node in nodes]
    if task_id not in ids:
        return None
    edges = (await db.execute(queries.edges_between(ids, MAX_EDGES + 1))).all()
    truncated = len(found) > MAX_NODES or len(edges) > MAX_EDGES
    return Graph(nodes, edges[:MAX_EDGES], truncated)
