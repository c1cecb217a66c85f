"""`python -m tests.browser.screenshots FOLDER`: pictures of every screen, on a system with a past.

Each screen on a phone, a tablet and a desk, there also dark; the overview in both languages.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.environment import isolate_test_process

# Before anything imports the application, whose modules read their settings when imported.
isolate_test_process()

from tests.browser.furniture import Furniture, furnish  # noqa: E402
from tests.browser.system import LONG, TASKS, System, answer_of, crowded  # noqa: E402
from tests.support.browser import Browser, chromium, signed_in  # noqa: E402
from tests.support.crowd import ADA, BOB, CAROL, ZOE  # noqa: E402
from tests.support.databases import Templates  # noqa: E402

ROWS = 4_000
WIDTHS = {360: 740, 768: 1024, 1280: 800}
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}


@dataclass(frozen=True, slots=True)
class Look:
    """A width, a theme and a language."""

    width: int
    scheme: str = "light"
    language: str = "en"

    def name(self, screen: str) -> str:
        """The name of a picture."""
        chinese = "" if self.language == "en" else f"-{self.language}"
        return f"{screen}-{self.width}-{self.scheme}{chinese}.png"


LOOKS = (*(Look(width) for width in WIDTHS), Look(1280, "dark"))
CHINESE = tuple(Look(width, language="zh") for width in WIDTHS)


def happen(system: System) -> dict[str, str]:
    """Have things under way that the past knows nothing of; further screens that show them."""
    running = system.submit(BOB, LONG, 600, name="Export invoices 2026-11", tags=["finance"])
    system.submit(CAROL, LONG, 900, name="Import price list of Nordwind", tags=["supplier"])
    ended = system.submit(ADA, "log_lines", 40, name="Check addresses of customers")
    failed = system.submit(BOB, "sleep_for", -1, name="Wait for the bank's answer")
    log = str(system.stack.folder / "stubborn.log")
    stopped = system.submit(ADA, "stubborn", 600, log, name="Rebuild the search index")
    answer_of(system.of(ADA).post("/api/v1/queues/lane/pause"))
    stuck = system.submit(CAROL, "in_lane", 7, name="Book deliveries of today")
    for task, status in ((running, "running"), (ended, "succeeded"), (failed, "failed")):
        system.stack.wait_for(task["id"], status)
    system.stack.wait_for(stopped["id"], "running")
    answer_of(system.of(ADA).post(f"{TASKS}{stopped['id']}/cancel"))
    return {
        "task-running": f"/tasks/{running['id']}",
        "task-logs": f"/tasks/{ended['id']}?tab=logs",
        "task-failed": f"/tasks/{failed['id']}",
        "task-failed-attempts": f"/tasks/{failed['id']}?tab=attempts",
        "task-stopping": f"/tasks/{stopped['id']}",
        "task-stuck": f"/tasks/{stuck['id']}",
    }


def screens_of(furniture: Furniture) -> dict[str, str]:
    """Every screen, and parts of some."""
    return {
        **furniture.screens(),
        "task-data": f"/tasks/{furniture.task}?tab=data",
        "tasks-failed": "/tasks?status=failed",
        "workers": "/queues?tab=workers",
        "limits": "/queues?tab=limits",
        "tokens": "/account?tab=tokens",
        "users": "/account?tab=users",
    }


def pictures(
    browser: Browser, system: System, screens: dict[str, str], looks: tuple[Look, ...], folder: Path
) -> Iterator[Path]:
    """Take them; the files, one by one."""
    for look in looks:
        size = (look.width, WIDTHS[look.width])
        options = {"color_scheme": look.scheme, "locale": LANGUAGES[look.language]}
        with signed_in(browser, system.url, ZOE, size=size, **options) as window:
            for screen, path in screens.items():
                page = window.go(path)
                # Charts are drawn when their numbers are there.
                page.wait_for_timeout(400)
                target = folder / look.name(screen)
                page.screenshot(path=target, full_page=True, animations="disabled")
                yield target


def main(folder: Path) -> None:
    """Make all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as name, chromium() as browser:
        place = Path(name)
        url = Templates(place).sqlite(place / "tasks.db")
        with crowded(place / "system", url, ROWS, CANCEL_GRACE_SECONDS="600") as system:
            screens = screens_of(furnish(system)) | happen(system)
            for each in pictures(browser, system, screens, LOOKS, folder):
                print(each)  # noqa: T201 - what has been made
            for each in pictures(browser, system, {"overview": "/"}, CHINESE, folder):
                print(each)  # noqa: T201 - the same
            # Asked a second time at the end, it does not wait for what runs.
            system.stack.processes["worker"].send(signal.SIGTERM)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
