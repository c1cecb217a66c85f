"""A real browser that looks at the page: the system's Chromium, led by Playwright."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.api.dashboard import is_built
from tests.support.crowd import PASSWORD
from tests.support.processes import ROOT
from tests.support.rings import not_run

try:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Error,
        Locator,
        Page,
        expect,
        sync_playwright,
    )
except ModuleNotFoundError:
    not_run("the page in a real browser", "pip install -r requirements-dev.txt")

__all__ = [
    "Browser", "Error", "Locator", "Page", "Visit", "axe_violations", "chromium", "expect", "signed_in",
    "visit",
]  # fmt: skip

WAIT_SECONDS = 10.0
WIDE, PHONE = (1280, 800), (360, 740)
# Small files, in which one still sees no difference.
_PICTURE = {"format": "webp", "quality": 70}
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
# Both reach us as lines of the console, beside what the page itself complains of.
_WATCH = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI}`));
window.hacked = 0;
window.alert = window.confirm = window.prompt = () => { window.hacked += 1; };
"""
_AXE_RUN = """async (part, rules) => {
  const found = await axe.run(part, {
    resultTypes: ["violations"],
    // Whether everything is in a landmark is asked of pages: menus lie beside those.
    rules: { region: { enabled: part === document.documentElement } },
    ...(rules.length > 0 && { runOnly: { type: "rule", values: rules } }),
  });
  return found.violations.map((each) =>
    `${each.id}: ${each.help}: ` + each.nodes.slice(0, 3).map((node) => node.html).join(" | "));
}"""
# Looked at in every frame: what Playwright itself waits for, it looks at twice a second.
_SETTLED = """async (patience) => {
  const loading = '[role="status"][aria-label="Loading"], .mantine-Skeleton-root';
  const end = performance.now() + patience;
  while (!document.querySelector("h1")?.checkVisibility() || document.querySelector(loading)) {
    if (performance.now() > end) return false;
    await new Promise(requestAnimationFrame);
  }
  return true;
}"""
# The menu slides away. What moves without end, such as a bar of progress, is not waited for.
_STILL = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  const ends = (each) => each.effect.getComputedTiming().endTime !== Infinity;
  await Promise.allSettled(document.getAnimations().filter(ends).map((each) => each.finished));
}"""
# The page, and each element that sticks out and is neither clipped nor scrolled by one around it.
_TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const page = document.scrollingElement.scrollWidth;
  const held = (element) => {
    for (let each = element.parentElement; each; each = each.parentElement)
      if (each !== document.body && each !== document.documentElement
          && getComputedStyle(each).overflowX !== "visible") return true;
    return false;
  };
  const out = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.left >= 0 && box.right > width + 1 && !held(element);
  });
  return [
    ...(page > innerWidth ? [`the page is ${page} of ${innerWidth} wide`] : []),
    ...out.slice(0, 3).map((element) => element.outerHTML.slice(0, 200)),
  ];
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window. Skips the test when it, or the page, is not there.

    While it is open, no coroutine can be run in this thread: Playwright has a loop of its own there.
    """
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        not_run("the page in a real browser", "apt-get install chromium")
    if not is_built():
        not_run("the page in a real browser", "make page")
    expect.set_options(timeout=1000 * WAIT_SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """One person's browser, with one page, and what it has complained of."""

    context: BrowserContext
    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    # Parts of complaints that the test itself has caused.
    tolerated: tuple[str, ...] = ()

    def go(self, path: str = "/") -> Page:
        """Open a screen and wait until it has loaded what it shows."""
        self.page.goto(f"{self.url}/ui{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until there is a heading and nothing loads any more."""
        assert self.page.evaluate(_SETTLED, 1000 * WAIT_SECONDS), "the screen loads without end"

    def resize(self, size: tuple[int, int]) -> None:
        """Give the window another width and height, and wait until nothing moves any more."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.evaluate(_STILL)

    def too_wide(self) -> list[str]:
        """What makes the page wider than the window."""
        found: list[str] = self.page.evaluate(_TOO_WIDE)
        return found

    def picture(self) -> bytes:
        """What the window shows, as WebP: smaller than what Playwright itself can make."""
        session = self.context.new_cdp_session(self.page)
        try:
            taken: str = session.send("Page.captureScreenshot", dict(_PICTURE))["data"]
        finally:
            session.detach()
        return base64.b64decode(taken)

    def complaints_left(self) -> list[str]:
        """What nobody expected: errors in the console, exceptions, what the policy has refused."""
        return [
            said for said in self.complaints if not any(part in said for part in self.tolerated)
        ]

    def outline(self) -> str:
        """Roles and names of everything on the page, for the report of a failed test."""
        try:
            shown = self.page.locator("body").aria_snapshot()
        except Error as error:
            shown = str(error)
        return f"{self.page.url}\n{shown[:6000]}"


@contextmanager
def visit(
    browser: Browser,
    url: str,
    size: tuple[int, int] = WIDE,
    *,
    tolerated: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[Visit]:
    """A browser of nobody yet. `options` are Playwright's, such as `color_scheme` and `locale`."""
    # Without a graphics card, all that moves is paid for by the processor.
    usual = {"locale": "en-GB", "color_scheme": "light", "reduced_motion": "reduce"}
    options = {**usual, **options}
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(1000 * WAIT_SECONDS)
    context.add_init_script(_WATCH)
    page = context.new_page()
    opened = Visit(context, page, url, tolerated=tolerated)
    complaints = opened.complaints

    def hear(line: ConsoleMessage) -> None:
        if line.type == "error":
            complaints.append(f"{line.text} {line.location.get('url', '')}".strip())

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    page.on("crash", lambda _: complaints.append("the page has crashed"))
    try:
        yield opened
    finally:
        context.close()


@contextmanager
def signed_in(browser: Browser, url: str, email: str, **options: Any) -> Iterator[Visit]:
    """A browser in which that person of the crowd is signed in."""
    with visit(browser, url, **options) as opened:
        who = {"email": email, "password": PASSWORD}
        answer = opened.context.request.post(f"{url}/api/v1/auth/session", data=who)
        assert answer.ok, answer.text()
        yield opened


def axe_violations(where: Page | Locator, *rules: str) -> list[str]:
    """What axe finds wrong with a page, or a part of one, by all of its rules or by these."""
    if not _AXE.exists():
        not_run("accessibility of the page", "make page ARGS=check")
    part = where.locator(":root") if isinstance(where, Page) else where
    page = part.page
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"() => {{ {_AXE.read_text()} }}")
    found: list[str] = part.evaluate(_AXE_RUN, list(rules))
    return found
