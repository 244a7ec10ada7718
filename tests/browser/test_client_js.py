"""The JavaScript client `clients/js`: its example page, every example of its README, its types and its version."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from gateway.protocol import ClientMessage, Interrupt, Playback, Start, Text, ToolCallMessage, ToolResult
from tests.browser.conftest import OpenPage
from tests.support.mesh import ROOT
from tests.support.page_stub import Client, PageStub, serve_page

pytestmark = pytest.mark.asyncio(loop_scope="session")

PACKAGE = ROOT / "clients" / "js"
EXAMPLES = re.findall(r"```js\n(.*?)```", (PACKAGE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
IMPORT_MAP = json.dumps({"imports": {"aitalk": "/clients/js/src/index.js"}})
WITHIN_S = 20.0


@pytest_asyncio.fixture(loop_scope="session")
async def talker() -> AsyncIterator[PageStub]:
    """A stub gateway that answers by itself."""
    async with serve_page(PageStub()) as stub:
        yield stub


def websocket(stub: PageStub) -> str:
    return f"{stub.url.replace('http', 'ws', 1)}ws/conversation"


async def arrived(stub: PageStub) -> Client:
    async with asyncio.timeout(WITHIN_S):
        return await stub.client()


async def until(client: Client, kind: type[ClientMessage], count: int = 1) -> None:
    """Wait for the count-th message of a kind."""
    async with asyncio.timeout(WITHIN_S):
        await client.message(kind, count)


async def until_said(said: list[str], beginning: str) -> None:
    """Wait for a line on the page's console that begins so."""
    async with asyncio.timeout(WITHIN_S):
        while not any(line.startswith(beginning) for line in said):
            await asyncio.sleep(0.05)


async def test_the_example_page_talks_is_interrupted_and_ends(open_page: OpenPage, talker: PageStub) -> None:
    page = await open_page(f"{talker.url}clients/js/example.html?url={websocket(talker)}")
    await page.get_by_role("button", name="Talk").click()
    await expect(page.locator("#phase")).to_have_text("speaking")
    client = await arrived(talker)
    await until(client, Playback)
    await page.get_by_role("button", name="Interrupt").click()
    await until(client, Interrupt)
    assert client.of_type(Start)[0].level == "beginner"
    await expect(page.get_by_role("listitem").nth(0)).to_have_text(re.compile("^learner: Last weekend"))
    await expect(page.get_by_role("listitem").nth(1)).to_have_text(re.compile("^partner: Hello!"))
    await page.get_by_role("button", name="End").click()
    await expect(page.locator("#analysis")).to_contain_text('"cefr"')
    await expect(page.locator("#phase")).to_have_text("ended")


def empty(stub: PageStub) -> str:
    """A page without scripts, under the stub's address."""
    return f"{stub.url}clients/js/package.json"


async def run_example(page: Page, stub: PageStub, example: str) -> None:
    """Run an example of the README as a module of an empty page, in which `aitalk` means the package."""
    await page.add_script_tag(content=IMPORT_MAP, type="importmap")
    code = example.replace("ws://localhost:8000/ws/conversation", websocket(stub))
    await page.add_script_tag(content=code, type="module")


async def test_the_first_example_talks(open_page: OpenPage, talker: PageStub) -> None:
    page = await open_page(empty(talker))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await run_example(page, talker, EXAMPLES[0])
    client = await arrived(talker)
    assert client.of_type(Start)[0].level == "beginner"
    await until_said(said, "speaking")


async def test_the_second_example_chooses_the_partner(open_page: OpenPage, talker: PageStub) -> None:
    page = await open_page(empty(talker))
    await run_example(page, talker, EXAMPLES[1])
    client = await arrived(talker)
    start = client.of_type(Start)[0]
    assert start.instructions is not None
    assert (start.partner_begins, start.language, start.level) == (True, "en", "intermediate")
    assert start.audio.encoding == "pcm_s16le"


async def test_the_third_example_follows_the_captions(open_page: OpenPage, talker: PageStub) -> None:
    page = await open_page(empty(talker))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await run_example(page, talker, EXAMPLES[2])
    client = await arrived(talker)
    await until(client, Text)
    await until_said(said, "Hello! It is good")
    assert "Hello!" in said  # the first word was printed before the others came


async def test_the_fourth_example_answers_calls_of_its_tool(open_page: OpenPage, talker: PageStub) -> None:
    page = await open_page(empty(talker))
    await run_example(page, talker, EXAMPLES[3])
    client = await arrived(talker)
    tools = client.of_type(Start)[0].tools or ()
    assert [(tool.name, tool.description) for tool in tools] == [("opening_hours", "When the museum is open.")]
    calls = [("opening_hours", {"day": "Monday"}), ("opening_hours", {"day": "Friday"}), ("weather", {})]
    for number, (name, given) in enumerate(calls):
        await client.send(ToolCallMessage(call_id=str(number), name=name, arguments=given))
        await until(client, ToolResult, number + 1)
    outputs = [(result.call_id, result.output) for result in client.of_type(ToolResult)]
    assert outputs[:2] == [("0", "It is closed."), ("1", '{"from":"10:00","to":"18:00"}')]
    assert outputs[2] == ("2", "It failed: there is no tool weather")
    await client.send(ToolCallMessage(call_id="3", name="book_a_table", arguments={}, confirm=True))
    await until(client, ToolResult, 4)
    assert client.of_type(ToolResult)[3].confirmed is False  # because nobody was asked
    assert len(EXAMPLES) == 4


async def test_the_types_name_what_the_package_exports(open_page: OpenPage, talker: PageStub) -> None:
    page = await open_page(empty(talker))
    exported = set(await page.evaluate("import('/static/aitalk/index.js').then(Object.keys)"))
    types = (PACKAGE / "src" / "index.d.ts").read_text(encoding="utf-8")
    assert set(re.findall(r"^export (?:class|function) (\w+)", types, re.MULTILINE)) == exported
    for name, body in re.findall(r"^export class (\w+)[^{]*\{\n(.*?)^\}", types, re.MULTILINE | re.DOTALL):
        methods = re.findall(r"^  (\w+)\(", body, re.MULTILINE)
        missing = await page.evaluate(
            "async ([name, methods]) => { const m = await import('/static/aitalk/index.js');"
            " return methods.filter((each) => typeof m[name].prototype[each] !== 'function'); }",
            [name, methods],
        )
        assert missing == [], name


async def test_the_package_has_the_version_of_the_protocol() -> None:
    package = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (package["version"], package["license"]) == (project["version"], project["license"])
    assert "dependencies" not in package
    for path in (package["exports"]["."]["types"], package["exports"]["."]["default"], *package["files"]):
        assert (PACKAGE / path).exists()
