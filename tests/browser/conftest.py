"""A headless Chromium for the tests in this folder; where there is none they are skipped, and say what is missing."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PATIENCE = 90_000
"""Milliseconds: a busy machine with two cores takes long to draw."""


def chromium() -> str | None:
    """Where the system's Chromium is."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests."""
    sync = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install 'marketic[browser]'")
    path = chromium()
    if path is None:
        pytest.skip("no browser: apt-get install chromium")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        yield opened
        opened.close()


class Watched:
    """A page with what went wrong on it. errors: console errors and warnings, and exceptions; outside: requests elsewhere."""

    def __init__(self, browser, scheme: str = "light", width: int = 1180) -> None:
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._request)

    def _request(self, request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
            self.outside.append(request.url)

    def figure(self, name: str) -> float:
        """A number of the page, as its markup gives it."""
        return float(self.page.locator(f'[data-figure="{name}"]').first.get_attribute("data-value"))

    def source(self, name: str) -> dict:
        """The columns of one of Bokeh's sources, as lists."""
        return self.page.evaluate(
            """name => Object.fromEntries(Object.entries(Bokeh.documents[0].get_model_by_name(name).data)
               .map(([key, values]) => [key, Array.from(values)]))""",
            name,
        )

    def wait_for_bokeh(self) -> None:
        """Until the page stands."""
        self.page.wait_for_function("() => window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle")


@pytest.fixture
def serve():
    """Starts the live page of a run in a process of its own; returns its address."""
    processes = []

    def start(folder: Path) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "marketic.dashboard", str(folder), str(port)]
        processes.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}/"
            assert processes[-1].poll() is None, "the server ended"
            time.sleep(0.1)
        raise AssertionError("the server did not start")

    yield start
    for process in processes:
        process.terminate()
        process.wait(20)


@pytest.fixture
def watched(browser, serve):
    """Opens pages that are watched, and holds them to account at the end: before a server of theirs is ended."""
    opened = []

    def make(**options) -> Watched:
        opened.append(Watched(browser, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.page.close()
        assert one.errors == []
        assert one.outside == []


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """Where screenshots go: MARKETIC_SCREENSHOTS, e.g. docs/images, or nowhere that stays."""
    wanted = os.environ.get("MARKETIC_SCREENSHOTS")
    return Path(wanted) if wanted else tmp_path_factory.mktemp("pictures")
