"""The page's microphone against a stub gateway, in a real browser."""

from __future__ import annotations

import asyncio
import io

import av
import numpy as np
import pytest
from playwright.async_api import expect

from gateway import protocol
from tests.browser.conftest import OpenPage
from tests.support.page import ended, talking
from tests.support.page_analysis import sparse_analysis
from tests.support.page_stub import PageStub

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_worklet_sends_the_voice_as_pcm(open_page: OpenPage, stub: PageStub) -> None:
    client = await talking(await open_page(f"{stub.url}?mic=worklet"), stub)
    await client.until(lambda client: len(client.frames) > 75)
    start = await client.message(protocol.Start)
    assert start.audio.encoding == "pcm_s16le"
    assert {len(frame) for frame in client.frames} == {2 * start.audio.sample_rate * 20 // 1000}
    assert np.frombuffer(client.audio, "<i2").std() > 300


async def test_recorder_sends_the_voice_as_webm(open_page: OpenPage, stub: PageStub) -> None:
    client = await talking(await open_page(f"{stub.url}?mic=recorder"), stub)
    await client.until(lambda client: len(client.frames) > 15)
    assert (await client.message(protocol.Start)).audio.encoding == "auto"
    assert client.audio.startswith(b"\x1a\x45\xdf\xa3")
    with av.open(io.BytesIO(client.audio), "r") as container:
        decoded = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    assert decoded.std() > 0.01


async def test_a_voice_is_chosen_and_remembered(open_page: OpenPage, stub: PageStub) -> None:
    stub.voices = {"Joe": "en-US", "Amy": "en-US"}
    page = await open_page(stub.url)
    await page.get_by_label("Voice").select_option("Amy")
    await page.reload()
    await expect(page.get_by_label("Voice")).to_have_value("en-Amy")
    client = await talking(page, stub)
    assert (await client.message(protocol.Start)).voice == "en-Amy"


async def test_one_voice_is_no_choice(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await expect(page.locator("#voice option")).to_have_count(1)
    await expect(page.get_by_label("Voice")).to_be_hidden()
    client = await talking(page, stub)
    assert (await client.message(protocol.Start)).voice is None


async def test_a_fallback_engine_is_reported(open_page: OpenPage, stub: PageStub) -> None:
    stub.fallbacks = {"tts": "piper (en_US-joe-medium): kyutai/tts-1.6b-en_fr is not installed"}
    page = await open_page(stub.url)
    notice = page.get_by_text("Speaking with piper (en_US-joe-medium): kyutai/tts-1.6b-en_fr is not installed.")
    await expect(notice).to_be_visible()
    await page.get_by_role("button", name="Dismiss").click()
    await expect(notice).to_be_hidden()


async def test_muted_microphone_sends_silence(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.until(lambda client: len(client.frames) > 25)
    await page.get_by_role("button", name="Mute", exact=True).click()
    await expect(page.locator(".status-now")).to_have_text("Microphone off")
    await client.until(lambda client: not any(client.frames[-10]) and not any(client.frames[-1]))
    await page.get_by_role("button", name="Unmute").click()
    await client.until(lambda client: any(client.frames[-1]))


async def test_a_muted_learner_is_heard_in_the_next_conversation(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await page.get_by_role("button", name="Mute", exact=True).click()
    await ended(page, client, sparse_analysis())
    await page.get_by_role("button", name="Talk again").click()
    second = await stub.client(2)
    await expect(page.get_by_role("button", name="Mute", exact=True)).to_be_visible()
    async with asyncio.timeout(10):
        await second.until(lambda client: any(map(any, client.frames)))


async def test_refused_microphone_leaves_writing(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url, microphone=False)
    client = await talking(page, stub)
    await expect(page.get_by_role("alert")).to_contain_text("microphone is blocked")
    await page.get_by_label("Write instead of speaking").fill("Then I write.")
    await page.keyboard.press("Enter")
    assert (await client.message(protocol.Text)).text == "Then I write."
    assert client.frames == []
    await page.evaluate("globalThis.isAllowed = true")
    await page.get_by_role("button", name="Try again").click()
    second = await stub.client(2)
    assert (await second.message(protocol.Start)).session_id == client.session_id
    await second.until(lambda client: len(client.frames) > 10)
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_missing_microphone_says_so(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await page.evaluate("""() => {
        navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('none', 'NotFoundError'); };
    }""")
    await talking(page, stub)
    await expect(page.get_by_role("alert")).to_contain_text("No microphone was found")
