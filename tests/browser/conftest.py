"""A real headless Chromium for the page, with a WAV as its microphone. All tests here share one event loop. Modules
with the same WAV share a browser.

The browser is Debian's chromium-headless-shell: Chromium's engine without windows. It takes a third of the processor
time that Chromium takes.

    pytestmark = pytest.mark.asyncio(loop_scope="session")

    async def test_something(open_page: OpenPage, stub: PageStub) -> None:
        page = await open_page(stub.url)          # errors and warnings on its console fail the test

Each page that a test opens gets a browser context of its own. A module that needs another voice overrides the fixture
`microphone_wav`, and gets a browser of its own.
"""

from __future__ import annotations

import re
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, async_playwright

from tests.support.page_stub import PageStub, serve_page

CHROMIUM = "/usr/bin/chromium-headless-shell"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
)  # fmt: skip
TIMEOUT_MS = 20_000
TAP_SCRIPT = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    globalThis.tapping = to.context.audioWorklet.addModule(globalThis.tapUrl ?? '/stub/tap.js').then(() => {
      const tap = new AudioWorkletNode(to.context, 'tap', { numberOfOutputs: 0 });
      connect.call(this, tap);
      return tap;
    });
  }
  return connect.call(this, to, ...rest);
};
globalThis.readTap = async (message = 'read') => {
  const tap = await globalThis.tapping;
  return new Promise((resolve) => {
    tap.port.onmessage = ({ data }) => resolve(data);
    tap.port.postMessage(message);
  });
};
"""
REFUSED_SCRIPT = """
const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => {
  if (!globalThis.isAllowed) throw new DOMException('Permission denied', 'NotAllowedError');
  return getUserMedia(constraints);
};
"""  # as if the learner refused the microphone, until the test sets `isAllowed`

OpenPage = Callable[..., Awaitable[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run every test here in the session's event loop, because the browser runs in it. This overrides a module's own
    choice of a loop."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass
class Console:
    """The errors and warnings of a page. `allowed`: regular expressions for those that a test causes on purpose."""

    allowed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.allowed)]


@pytest.fixture(scope="session")
def syllables_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV that sounds like a voice: a gliding tone with overtones, in syllables, 3 s at 48 kHz. Chromium plays the
    file in a loop."""
    time = np.arange(3 * 48000) / 48000
    pitch = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.7 * time)) / 48000
    voice = np.sum([np.sin(n * pitch) / n for n in range(1, 12)], axis=0) * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * time))
    path = tmp_path_factory.mktemp("microphone") / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes((9000 * voice).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def microphone_wav(syllables_wav: Path) -> Path:
    """The sound that the microphone of a module's browser picks up."""
    return syllables_wav


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    """Playwright's driver, a process of Node."""
    async with async_playwright() as driver:
        yield driver


@dataclass
class Browsers:
    """One browser for each microphone. It is started when the first module asks for it."""

    playwright: Playwright
    running: dict[Path, Browser] = field(default_factory=dict)

    async def with_microphone(self, microphone_wav: Path) -> Browser:
        if microphone_wav not in self.running:
            self.running[microphone_wav] = await self._launch(microphone_wav)
        return self.running[microphone_wav]

    async def _launch(self, microphone_wav: Path) -> Browser:
        """Start a browser in which every page may use the microphone, because this Chromium can't ask the user."""
        devices = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={microphone_wav}")
        flags = [*QUIET, *devices, "--use-fake-ui-for-media-stream"]
        return await self.playwright.chromium.launch(executable_path=CHROMIUM, args=flags)

    async def close(self) -> None:
        for browser in self.running.values():
            await browser.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browsers(playwright: Playwright) -> AsyncIterator[Browsers]:
    """The browsers of all modules."""
    running = Browsers(playwright)
    yield running
    await running.close()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def chromium(browsers: Browsers, microphone_wav: Path) -> Browser:
    """A browser whose microphone is `microphone_wav`."""
    return await browsers.with_microphone(microphone_wav)


@pytest.fixture
def console() -> Console:
    return Console()


@dataclass
class Contexts:
    """The browser contexts of a test. They are closed before its server is, of which a page may still load a file."""

    opened: list[BrowserContext] = field(default_factory=list)

    async def close(self) -> None:
        while self.opened:
            await self.opened.pop().close()


@pytest.fixture
def contexts() -> Contexts:
    return Contexts()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(chromium: Browser, console: Console, contexts: Contexts) -> AsyncIterator[OpenPage]:
    """Open an address. microphone: whether the learner allows its use. tap: whether the page's sound is measured
    (tests/support/page_tap.js). Other options go to the browser's context."""

    async def open_(url: str, *, microphone: bool = True, tap: bool = False, **options: object) -> Page:
        context = await chromium.new_context(**options)  # type: ignore[arg-type]
        contexts.opened.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        if not microphone:
            await context.add_init_script(REFUSED_SCRIPT)
        if tap:
            await context.add_init_script(TAP_SCRIPT)
        page = await context.new_page()
        console.watch(page)
        await page.goto(url)
        return page

    yield open_
    await contexts.close()
    assert console.unexpected() == []


@pytest_asyncio.fixture(loop_scope="session")
async def stub(contexts: Contexts) -> AsyncIterator[PageStub]:
    """A stub gateway that speaks only when the test says so."""
    async with serve_page(PageStub(chatty=False)) as stub:
        yield stub
        await contexts.close()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def modules(chromium: Browser) -> AsyncIterator[Page]:
    """A page from which a test can import the page's modules."""
    async with serve_page(PageStub()) as stub:
        page = await chromium.new_page()
        await page.goto(stub.url)
        yield page
        await page.close()
