"""A real browser without a network: headless Chromium opens a page and records failures."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCAL = ("file:", "data:", "blob:", "about:")
running: list[Browser] = []  # at most one


@dataclass
class Visit:
    page: Page
    errors: list[str] = field(default_factory=list)  # of the console, and exceptions not caught
    requests: list[str] = field(default_factory=list)  # of what is not a file of this machine

    def listen(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith(LOCAL):
            self.requests.append(request.url)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, which is started once: Playwright allows one at a time."""
    if running:
        yield running[0]
        return
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no Chromium on the PATH; make browser installs it")
    with sync_playwright() as playwright:
        running.append(playwright.chromium.launch(executable_path=path))
        try:
            yield running[0]
        finally:
            running.pop().close()


@contextmanager
def visiting(path: Path, width: int = 1280, height: int = 900) -> Iterator[Visit]:
    """Open a file as `visit.page` (a Playwright page) of some width; skip without a browser."""
    viewport = {"width": width, "height": height}
    with chromium() as browser, browser.new_context(viewport=viewport, offline=True) as context:
        visit = Visit(context.new_page())
        visit.listen()
        visit.page.goto(path.resolve().as_uri())
        yield visit
