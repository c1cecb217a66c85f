"""`make screenshots`: pictures of every screen, on a system with a past and some trade under way.

Each on a telephone, a tablet and a desk, in both languages, and a few also dark. In the folder of a
language they are called `SCREEN-WIDTH.webp`, dark ones `SCREEN-WIDTH-dark.webp`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.environment import isolate_test_process

# Before anything imports the application, whose modules read their settings when imported.
isolate_test_process()

from tests.browser import places  # noqa: E402
from tests.browser.furniture import Furniture, furnish  # noqa: E402
from tests.browser.happenings import happen  # noqa: E402
from tests.browser.system import SHOP, System, crowded  # noqa: E402
from tests.support.browser import (  # noqa: E402
    PHONE,
    WIDE,
    Browser,
    Error,
    Page,
    Visit,
    chromium,
    expect,
    signed_in,
    visit,
)
from tests.support.crowd import ZOE  # noqa: E402
from tests.support.databases import Templates  # noqa: E402
from tests.support.processes import ROOT, port_is_free  # noqa: E402
from tests.support.rings import PREFIX  # noqa: E402

FOLDER = ROOT / "docs" / "images"
ROWS = 4_000
SIZES = (PHONE, (768, 1024), WIDE)
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
DARK = ("overview", "task-running")
# The grace is long, so that one sees a task that was told to stop and does not.
_SETTINGS = {"TASK_MODULES": SHOP, "SHOP_HOST": "app-1", "CANCEL_GRACE_SECONDS": "600"}
# As people have it, where nothing else is there: the commands on the page name it.
_PORT = 8000
# Lines of charts and names of people come a moment after the rest, and nothing says when.
_FIRST_MS, _RESIZED_MS = 500, 200
_NO_CARET = "() => { document.documentElement.style.caretColor = 'transparent'; }"


@dataclass
class Album:
    """A folder with pictures in one language, and what went wrong when they were taken."""

    folder: Path
    bytes_by_name: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def take(self, window: Visit, screen: str, path: str) -> None:
        """The screen at every width. Another one can be taken if it does not come."""
        window.complaints.clear()
        try:
            self._take(window, screen, path)
        except (AssertionError, Error) as error:
            self._complain(screen, str(error))
        for complaint in window.complaints_left():
            self._complain(screen, complaint)

    def _take(self, window: Visit, screen: str, path: str) -> None:
        window.page.emulate_media(color_scheme="light")
        page = window.go(path)
        _be_live(page)
        page.evaluate(_NO_CARET)
        page.wait_for_timeout(_FIRST_MS)
        for size in SIZES:
            window.resize(size)
            self._keep(window, f"{screen}-{size[0]}")
        if screen in DARK:
            page.emulate_media(color_scheme="dark")
            self._keep(window, f"{screen}-{WIDE[0]}-dark")

    def _keep(self, window: Visit, name: str) -> None:
        window.page.wait_for_timeout(_RESIZED_MS)
        picture = window.picture()
        (self.folder / f"{name}.webp").write_bytes(picture)
        self.bytes_by_name[name] = len(picture)
        _say(f"{self.folder.name}/{name}.webp".ljust(40) + _kilobytes(len(picture)))

    def _complain(self, screen: str, text: str) -> None:
        self.faults.append(f"{self.folder.name}/{screen}: {text}")


def _be_live(page: Page) -> None:
    """Wait for the connection, where there is one: not before somebody is signed in."""
    for connection in places.connection(page).all():
        expect(connection).to_have_attribute("data-connection", "live")


def screens_of(furniture: Furniture) -> dict[str, str]:
    """Every screen, and parts of some, by what the pictures are called."""
    screens = furniture.screens()
    # The past has no attempts: instead of this one there is a task that has failed just now.
    del screens["failed-task"]
    return {
        **screens,
        "new-task": "/tasks/new?function=shop.products.import_catalogue",
        "new-schedule": "/schedules/new?function=shop.figures.monthly",
        "workers": "/queues?tab=workers",
        "users": "/account?tab=users",
    }


def take_all(browser: Browser, system: System, screens: dict[str, str], album: Album) -> None:
    """All pictures in the language of the album."""
    album.folder.mkdir(parents=True, exist_ok=True)
    locale = LANGUAGES[album.folder.name]
    # That nobody is signed in is an answer that the browser takes for an error.
    with visit(browser, system.url, locale=locale, tolerated=("status of 401",)) as window:
        album.take(window, "sign-in", "/")
    with signed_in(browser, system.url, ZOE, locale=locale) as window:
        for screen, path in screens.items():
            album.take(window, screen, path)


@contextmanager
def _trading(folder: Path) -> Iterator[tuple[System, dict[str, str]]]:
    """A shop at work, and the screens that show it."""
    url = Templates(folder).sqlite(folder / "tasks.db")
    ports = {"api": _PORT} if port_is_free(_PORT) else None
    with crowded(folder / "system", url, ROWS, ports=ports, **_SETTINGS) as system:
        try:
            yield system, screens_of(furnish(system)) | happen(system)
        finally:
            # Asked a second time at the end, it does not wait for what runs.
            system.stack.processes["worker"].send(signal.SIGTERM)


def _report(albums: list[Album]) -> int:
    """Say what has been made; the exit code."""
    sizes = [size for album in albums for size in album.bytes_by_name.values()]
    faults = [fault for album in albums for fault in album.faults]
    _say(f"{len(sizes)} pictures in {albums[0].folder.parent}".ljust(40) + _kilobytes(sum(sizes)))
    for fault in faults:
        _say(f"FAILED: {fault}")
    return 1 if faults else 0


def _kilobytes(size: int) -> str:
    return f"{size / 1000:8,.0f} kB"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the program's own lines


def _lacking(missing: str) -> str:
    """What this machine cannot do, and the cure."""
    what, _, cure = missing.removeprefix(PREFIX).partition(" — ")
    return (
        f"No pictures can be taken: {what} does not run on this machine. What it lacks comes with\n"
        f"    {cure}\nThen run the same command again."
    )


def main(folder: Path) -> int:
    """Take all pictures; 1 if one could not be taken or its screen complained."""
    albums = [Album(folder / language) for language in LANGUAGES]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="screenshots-") as name,
            chromium() as browser,
            _trading(Path(name)) as (system, screens),
        ):
            for album in albums:
                take_all(browser, system, screens, album)
    except pytest.skip.Exception as missing:
        _say(_lacking(str(missing)))
        return 1
    return _report(albums)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="else docs/images")
    sys.exit(main(parser.parse_args().folder))
