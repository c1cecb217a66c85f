"""What goes on in the shop when its pictures are taken, beside its past and its furniture."""

from __future__ import annotations

from typing import Any

import httpx2

from bench.rows import Store
from tests.browser.system import System, answer_of
from tests.support.crowd import ADA, BOB, CAROL, ZOE
from tests.support.processes import wait_until
from tests.support.receiver import receiving

_WEBHOOKS, _LIMITS = "/api/v1/webhooks/", "/api/v1/limits/"
_TOKENS: tuple[dict[str, Any], ...] = (
    {"name": "Prometheus", "scopes": ["metrics:read"]},
    {"name": "Checks after a deployment", "scopes": ["tasks:read", "workers:read"], "expires_in": 7_776_000},
)  # fmt: skip
_CUSTOMERS = 5


def happen(system: System) -> dict[str, str]:
    """Have all of it under way; the addresses of the screens that show it."""
    ada, zoe = system.of(ADA), system.of(ZOE)
    answer_of(ada.put(f"{_LIMITS}task/shop.mail.send_newsletter", json={"rate": "100/m"}))
    answer_of(ada.put(f"{_LIMITS}key/supplier:*", json={"concurrency": 2}))
    for token in _TOKENS:
        answer_of(zoe.post("/api/v1/tokens", json=token))
    return {**_tasks(system, ada), "webhook": f"/webhooks/{_told(system, ada)}"}


def _tasks(system: System, operator: httpx2.Client) -> dict[str, str]:
    """Tasks in every state that there is something to say about."""
    submit, wait_for = system.submit, system.stack.wait_for
    running = submit(
        CAROL, "shop.products.import_catalogue", "Nordwind", 5000, 3120,
        name="Import catalogue of Nordwind", task_type="import", tags=["supplier"],
        limit_key="supplier:nordwind",
    )  # fmt: skip
    stopped = submit(
        ADA, "shop.search.rebuild_index", "de", name="Rebuild the search index", task_type="search"
    )
    ended = submit(
        ADA, "shop.customers.check_addresses", "DE",
        name="Check addresses of customers", task_type="customers", tags=["crm"],
    )  # fmt: skip
    failed = submit(
        BOB, "shop.bank.fetch_statement", "DE02120300000000202051",
        name="Fetch statement of the bank", task_type="bank", tags=["finance"],
    )  # fmt: skip
    answer_of(operator.post("/api/v1/queues/partners/pause"))
    stuck = submit(
        CAROL, "shop.deliveries.book", "2026-11-27",
        name="Book deliveries of today", task_type="delivery",
    )  # fmt: skip
    wait_for(stopped["id"], "running")
    answer_of(operator.post(f"/api/v1/tasks/{stopped['id']}/cancel"))
    wait_for(running["id"], "running")
    wait_for(ended["id"], "succeeded")
    wait_for(failed["id"], "failed", timeout=40)
    return {
        "task-running": f"/tasks/{running['id']}",
        "task-data": f"/tasks/{ended['id']}?tab=data",
        "task-logs": f"/tasks/{ended['id']}?tab=logs",
        "task-failed": f"/tasks/{failed['id']}",
        "task-attempts": f"/tasks/{failed['id']}?tab=attempts",
        "task-stopping": f"/tasks/{stopped['id']}",
        "task-stuck": f"/tasks/{stuck['id']}",
    }


def _told(system: System, operator: httpx2.Client) -> str:
    """A webhook that has been called; its id."""
    with receiving(200, body=b'{"accepted": true}') as receiver:
        wanted = {"url": receiver.url, "filter": {"task_type": "sync"}}
        webhook = answer_of(operator.post(_WEBHOOKS, json=wanted))["id"]
        for customer in range(_CUSTOMERS):
            system.submit(
                ADA, "shop.customers.sync", 4711 + customer,
                name=f"Sync customers with CRM {4711 + customer}", task_type="sync", tags=["crm"],
            )  # fmt: skip

        def is_told() -> bool:
            deliveries = answer_of(operator.get(f"{_WEBHOOKS}{webhook}/deliveries"))
            statuses = [each["status"] for each in deliveries]
            return statuses == ["succeeded"] * _CUSTOMERS

        wait_until(is_told, timeout=60, what="the webhook was called for each of them", every=0.2)
    # A company would not have it on this machine.
    renamed = "UPDATE webhooks SET url = 'https://crm.example.com/hooks/tasks' WHERE url = "
    Store(system.stack.database_url).execute(f"{renamed}'{receiver.url}'")
    return str(webhook)
