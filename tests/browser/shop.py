"""Functions of a shop: those that the crowd's rows name, and some that go on, fail or do not stop.

Loaded through `TASK_MODULES`, so that the page shows names as a company would give them.
"""

from __future__ import annotations

import os
import socket
import time
from functools import partial
from typing import Any

from celery import shared_task

# Pictures name the machine of a worker, which need not be the one that takes them.
if _host := os.environ.get("SHOP_HOST"):
    vars(socket)["gethostname"] = partial(str, _host)

STEP_SECONDS = 0.5
HANGS_SECONDS = 1800


def _done(number: int, dry_run: bool) -> dict[str, Any]:
    return {"number": number, "rows": 0 if dry_run else 1234, "ok": True}


@shared_task(name="shop.invoices.export", queue="reports")
def export_invoices(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Export the invoices of a month."""
    return _done(number, dry_run)


@shared_task(name="shop.mail.send_confirmation")
def send_confirmation(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Tell a customer that an order has arrived."""
    return _done(number, dry_run)


@shared_task(name="shop.mail.send_newsletter")
def send_newsletter(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Send an issue of the newsletter."""
    return _done(number, dry_run)


@shared_task(name="shop.pictures.resize")
def resize_pictures(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Make the small pictures of a product."""
    return _done(number, dry_run)


@shared_task(name="shop.prices.read_list")
def read_price_list(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Take over the price list of a supplier."""
    return _done(number, dry_run)


@shared_task(name="shop.stock.recount")
def recount_stock(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Count again what a warehouse has."""
    return _done(number, dry_run)


@shared_task(name="shop.figures.collect", queue="reports")
def collect_figures(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Collect the figures of a month from the shop."""
    return _done(number, dry_run)


@shared_task(name="shop.figures.monthly", queue="reports")
def monthly_figures(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Compute the figures of a month."""
    return _done(number, dry_run)


@shared_task(name="shop.backup.run")
def run_backup(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Back up the shop's files."""
    return _done(number, dry_run)


@shared_task(name="shop.customers.sync")
def sync_customers(number: int, dry_run: bool = False) -> dict[str, Any]:
    """Bring the customers of the CRM up to date."""
    return _done(number, dry_run)


@shared_task(name="shop.customers.check_addresses", bind=True)
def check_addresses(self: Any, country: str) -> dict[str, int]:
    """Look customers up in the postal register."""
    for customer in range(4711, 4751):
        if customer % 9:
            self.log(f"customer {customer}: the address is known")
        else:
            self.log(f"customer {customer}: no such street in {country}", "warning")
    return {"known": 36, "unknown": 4}


@shared_task(name="shop.products.import_catalogue", bind=True)
def import_catalogue(self: Any, supplier: str, rows: int = 5_000, first: int = 0) -> dict[str, Any]:
    """Import the products of a supplier, from the row `first` on. Stops when cancelled."""
    for row in range(first, rows):
        self.raise_if_cancelled()
        self.update_progress(100 * row / rows, f"{row:,} of {rows:,} rows")
        time.sleep(STEP_SECONDS)
    return {"supplier": supplier, "rows": rows - first}


@shared_task(name="shop.deliveries.book", queue="partners")
def book_deliveries(day: str) -> dict[str, Any]:
    """Book the parcels of a day with the carrier."""
    return {"day": day, "parcels": 87}


@shared_task(name="shop.search.rebuild_index")
def rebuild_index(language: str) -> None:
    """Rebuild the index that customers search. Cannot stop half-way."""
    end = time.monotonic() + HANGS_SECONDS
    while time.monotonic() < end:
        try:
            time.sleep(STEP_SECONDS)
        except BaseException:  # noqa: BLE001 - as code does that swallows everything
            continue


def _as_of(path: str, function: Any) -> Any:
    """The function with another path in its tracebacks: that of this clone is nobody's business."""
    function.__code__ = function.__code__.replace(co_filename=path)
    return function


def fetch_statement(account: str) -> None:
    """Fetch the statement of yesterday from the bank."""
    raise ConnectionError(f"api.bank.example.com:443 does not answer (account {account})")


shared_task(
    name="shop.bank.fetch_statement",
    autoretry_for=(ConnectionError,),
    max_retries=2,
    default_retry_delay=1,
)(_as_of("/srv/shop/bank.py", fetch_statement))
