"""One of everything that a screen can show, so that none of them is looked at empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.browser.system import TASKS, System, answer_of
from tests.support.crowd import ADA

_SCHEDULES, _WEBHOOKS = "/api/v1/schedules/", "/api/v1/webhooks/"
_NIGHTLY = {
    "name": "Nightly figures", "kind": "cron", "cron": "30 3 * * MON-FRI", "timezone": "Europe/Berlin",
    "celery_task_name": "shop.figures.monthly", "args": [11], "overlap": "skip", "tags": ["nightly"],
}  # fmt: skip
_OFTEN = {
    "name": "Sync customers with CRM", "kind": "interval", "interval_seconds": 600,
    "celery_task_name": "shop.customers.sync", "args": [2],
}  # fmt: skip
_ONCE = {
    "name": "Close the books of 2026", "kind": "once", "at": "2100-01-02T06:00:00Z",
    "celery_task_name": "shop.invoices.export", "args": [12], "paused": True,
}  # fmt: skip
_PLANS: tuple[dict[str, Any], ...] = (_NIGHTLY, _OFTEN, _ONCE)
_COLLECT, _COMPUTE = "shop.figures.collect", "shop.figures.monthly"
_CHAIN: tuple[dict[str, Any], ...] = (
    {"local_id": "orders", "name": "Collect orders 2026-11", "celery_task_name": _COLLECT},
    {"local_id": "returns", "name": "Collect returns 2026-11", "celery_task_name": _COLLECT},
    {"local_id": "totals", "name": "Compute totals 2026-11", "celery_task_name": _COMPUTE,
     "depends_on": ["orders", "returns"]},
    {"name": "Export invoices 2026-11", "celery_task_name": "shop.invoices.export",
     "depends_on": ["totals"]},
)  # fmt: skip
# Nothing with this tag ends, so that nobody is called.
_HOOK = {"url": "https://erp.example.com/hooks/tasks", "filter": {"tag": "month-end"}}


@dataclass(frozen=True, slots=True)
class Furniture:
    """Ids of what is there: one of each."""

    task: str
    failed: str
    group: str
    schedule: str
    webhook: str
    operation: str

    def screens(self) -> dict[str, str]:
        """The address of every screen, by a name for it."""
        return {
            "overview": "/",
            "tasks": "/tasks",
            "new-task": "/tasks/new",
            "task": f"/tasks/{self.task}",
            "failed-task": f"/tasks/{self.failed}",
            "failures": "/failures",
            "failure": f"/failures/{self.group}",
            "schedules": "/schedules",
            "new-schedule": "/schedules/new",
            "schedule": f"/schedules/{self.schedule}",
            "edit-schedule": f"/schedules/{self.schedule}/edit",
            "queues": "/queues",
            "limits": "/queues?tab=limits",
            "reports": "/reports",
            "report": "/reports/functions",
            "bulk": "/bulk",
            "bulk-operation": f"/bulk/{self.operation}",
            "webhooks": "/webhooks",
            "webhook": f"/webhooks/{self.webhook}",
            "account": "/account",
            "tokens": "/account?tab=tokens",
            "audit": "/audit",
            "graph": f"/tasks/{self.task}?tab=relations",
        }


SCREENS = tuple(Furniture("", "", "", "", "", "").screens())


def furnish(system: System) -> Furniture:
    """Make one of everything, as an operator."""
    ada = system.of(ADA)
    schedule, *_ = [answer_of(ada.post(_SCHEDULES, json=each))["id"] for each in _PLANS]
    answer_of(ada.post(f"{_SCHEDULES}{schedule}/run"))
    webhook = answer_of(ada.post(_WEBHOOKS, json=_HOOK))["id"]
    answer_of(ada.put("/api/v1/limits/queue/reports", json={"concurrency": 20}))
    of = {"celery_task_name": "shop.prices.read_list"}
    failed, *_ = answer_of(ada.get(TASKS, params={"status": "failed", "limit": 1, **of}))
    group, *_ = answer_of(ada.get("/api/v1/error-groups", params=of))
    return Furniture(
        task=_chain(ada),
        failed=failed["id"],
        group=group["id"],
        schedule=schedule,
        webhook=webhook,
        operation=_operation(ada),
    )


def _chain(ada: httpx2.Client) -> str:
    """Tasks that depend on others; the id of the one in the middle."""
    common = {"task_type": "report", "args": [11], "countdown": 86_400}
    tasks = [{**common, **each} for each in _CHAIN]
    made = answer_of(ada.post(f"{TASKS}bulk", json={"tasks": tasks}))
    return str(made["ids"][2])


def _operation(ada: httpx2.Client) -> str:
    task = {
        "name": "Send newsletter of the spring sale", "task_type": "mail",
        "celery_task_name": "shop.mail.send_newsletter", "args": [47],
        "countdown": 86_400, "tags": ["spring-sale"],
    }  # fmt: skip
    answer_of(ada.post(f"{TASKS}bulk", json={"tasks": [task] * 25}))
    order = {"filter": {"tag": "spring-sale"}}
    return str(answer_of(ada.post(f"{TASKS}bulk/cancel", json=order))["id"])
