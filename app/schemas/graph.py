"""The dependency graph around a task."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from app.domain.lifecycle import TaskStatus
from app.schemas.common import Answer


class GraphNode(Answer):
    """A task in a graph."""

    id: UUID
    name: str
    status: TaskStatus
    reason: str | None
    progress: float


class GraphEdge(Answer):
    """`task_id` waits for `needs_id`."""

    task_id: UUID
    needs_id: UUID


class TaskGraph(Answer):
    """Tasks that dependencies connect, and how."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
    truncated: bool = Field(description="There is more: the nearest 1,000 tasks are shown.")
