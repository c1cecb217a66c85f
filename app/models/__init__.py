"""Every table, imported here so that the metadata is whole wherever one of them is used."""

from app.models.attempt import TaskAttempt, TaskLog
from app.models.audit import AuditEntry
from app.models.bulk import BulkItem, BulkOperation
from app.models.checkpoint import TaskCheckpoint
from app.models.dependency import TaskDependency
from app.models.entry import TaskEntry
from app.models.error_group import ErrorGroup, FailureNote, GroupState, TaskFailure
from app.models.idempotency import IdempotencyKey
from app.models.limit import Limit, LimitKind, LimitUse
from app.models.metrics import QueueTotal, SystemCounter
from app.models.name import NameMark, NameNote, NameSegment
from app.models.queue import Queue
from app.models.schedule import Schedule, ScheduleFire
from app.models.statistics import (
    EVERYBODY,
    StatisticBucket,
    StatisticSeries,
    TaskCount,
    TaskDelta,
)
from app.models.subtasks import SubtaskDelta
from app.models.task import Task, TaskStatus, TaskTag
from app.models.user import Token, User
from app.models.webhook import Webhook, WebhookDelivery
from app.models.worker import Duty, TaskRuntime, Worker

__all__ = [
    "EVERYBODY",
    "AuditEntry",
    "BulkItem",
    "BulkOperation",
    "Duty",
    "ErrorGroup",
    "FailureNote",
    "GroupState",
    "IdempotencyKey",
    "Limit",
    "LimitKind",
    "LimitUse",
    "NameMark",
    "NameNote",
    "NameSegment",
    "Queue",
    "QueueTotal",
    "Schedule",
    "ScheduleFire",
    "StatisticBucket",
    "StatisticSeries",
    "SubtaskDelta",
    "SystemCounter",
    "Task",
    "TaskAttempt",
    "TaskCheckpoint",
    "TaskCount",
    "TaskDelta",
    "TaskDependency",
    "TaskEntry",
    "TaskFailure",
    "TaskLog",
    "TaskRuntime",
    "TaskStatus",
    "TaskTag",
    "Token",
    "User",
    "Webhook",
    "WebhookDelivery",
    "Worker",
]
