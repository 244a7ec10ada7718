"""The page on the whole mesh and its real models: a learner talks, hears replies, interrupts, and reads the report."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.support.audio import resampled, wav
from tests.support.mesh import Mesh
from tests.support.transcription import word_error_rate
from tests.support.voices import say

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

SENTENCE = "Good evening. Please tell me a story about a dragon and a village."
RATE_HZ = 48_000
TAP = Path(__file__).parent.parent / "support" / "page_tap.js"
SILENT_MICROPHONE = """() => {
    navigator.mediaDevices.getUserMedia = async () => new AudioContext().createMediaStreamDestination().stream;
}"""
MODELS_MS = 60_000  # for steps that wait for the models, on a busy machine
ANALYSIS_MS = 120_000


@pytest.fixture(scope="module")
def microphone_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of silence, the sentence, then a silence longer than the test, because Chromium plays the file in a
    loop."""
    speech = resampled(*say(SENTENCE), RATE_HZ)
    silence = np.zeros(RATE_HZ, np.int16)
    path = tmp_path_factory.mktemp("microphone") / "sentence.wav"
    path.write_bytes(wav(np.concatenate([silence, speech, *[silence] * 200]), RATE_HZ))
    return path


async def sounding(page: Page) -> int:
    """The number of samples that went to the loudspeaker and were not silence."""
    return int((await page.evaluate("readTap()"))["sounding"])


@pytest.mark.parametrize("microphone", ["worklet", "recorder"])
async def test_a_learner_talks_is_answered_interrupts_and_reads_how_it_went(
    open_page: OpenPage, mesh: Mesh, microphone: str
) -> None:
    page = await open_page("about:blank", tap=True, bypass_csp=True)  # otherwise the page may not load the tap
    await page.add_init_script(f"globalThis.tapUrl = 'data:text/javascript,{quote(TAP.read_text())}'")
    await page.goto(f"{mesh.http}/?mic={microphone}")
    await page.get_by_label("Advanced").check()
    await page.get_by_role("button", name="Start talking").click()

    learner = page.locator(".learner.final .words").first
    await expect(learner).to_be_visible(timeout=MODELS_MS)
    assert word_error_rate([SENTENCE], [await learner.inner_text()]) <= 0.15

    await expect(page.locator("body[data-phase=speaking]")).to_be_visible(timeout=MODELS_MS)
    while await sounding(page) < RATE_HZ // 10:  # a tenth of a second of voice at the loudspeaker
        await asyncio.sleep(0.1)

    await page.get_by_role("button", name="Interrupt").click()
    await expect(page.locator(".partner.interrupted")).to_be_visible()
    silenced = await sounding(page)
    await asyncio.sleep(1)
    assert await sounding(page) == silenced

    await page.get_by_label("Write instead of speaking").fill("Thank you!")
    await page.keyboard.press("Enter")
    await expect(page.locator(".partner.complete")).to_be_visible(timeout=MODELS_MS)
    assert await sounding(page) > silenced

    await page.get_by_role("button", name="End", exact=True).click()
    report = page.locator("#report")
    await expect(report).to_be_visible(timeout=ANALYSIS_MS)
    await expect(report).to_contain_text("How it went")
    await expect(report).to_contain_text("words per minute")


async def test_a_page_that_lost_its_gateway_carries_on(open_page: OpenPage, mesh: Mesh) -> None:
    page = await open_page("about:blank")
    await page.add_init_script(f"({SILENT_MICROPHONE})()")  # the learner only types
    await page.goto(mesh.http)
    await page.get_by_role("button", name="Start talking").click()
    await page.get_by_label("Write instead of speaking").fill("My name is Barbara.")
    await page.keyboard.press("Enter")
    await expect(page.locator(".partner.complete").first).to_be_visible(timeout=MODELS_MS)
    await page.reload()
    await page.get_by_role("button", name="Carry on").click()
    await page.get_by_label("Write instead of speaking").fill("What is my name?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".partner.complete").nth(1)).to_be_visible(timeout=MODELS_MS)
    await expect(page.locator(".learner .words").first).to_have_text("My name is Barbara.")


async def test_a_scenario_from_its_card_to_its_goals(open_page: OpenPage, mesh: Mesh) -> None:
    """The partner begins. The learner falls silent, takes a hint, hears a sentence slowly, and keeps a word.

    The microphone hears nothing, so after some seconds (HELP_AFTER_S has its default) the partner offers help.
    """
    page = await open_page(mesh.http)
    await page.evaluate(SILENT_MICROPHONE)
    await page.get_by_label("Beginner").check()
    await page.get_by_role("radio", name="At the café").check()
    await page.get_by_role("button", name="Start talking").click()
    opening = page.locator(".partner.complete .words").first
    await expect(opening).to_have_text("Good morning! What can I get for you?", timeout=MODELS_MS)

    help_offered = page.locator(".partner.complete .words").nth(1)
    await expect(help_offered).to_contain_text("Can I have a coffee, please?", timeout=MODELS_MS)

    await page.get_by_role("button", name="Hint").click()
    hint = page.locator(".hint-sentence").first
    await expect(hint).to_be_visible(timeout=MODELS_MS)
    await hint.click()
    said = await page.get_by_label("Write instead of speaking").input_value()
    assert said == await hint.inner_text()
    await page.keyboard.press("Enter")
    await expect(page.locator(".learner.final .words")).to_have_text(said)
    await expect(page.locator(".partner.complete")).to_have_count(3, timeout=MODELS_MS)

    await page.get_by_role("button", name="Hear again: What can I get for you?").click()
    await page.get_by_role("button", name="Slowly").click()
    await expect(page.locator(".status-now")).to_have_text("Playing it again")
    await expect(page.locator(".status-now")).to_have_text("Listening", timeout=MODELS_MS)
    await page.locator(".lookup-sentence").get_by_role("button", name="get").click()
    await expect(page.locator(".lookup-word")).to_contain_text("get – a very common word, about A1.")
    await page.get_by_role("button", name="Keep in my words").click()
    await expect(page.get_by_role("button", name="My words (1)")).to_be_visible()

    await page.get_by_role("button", name="End", exact=True).click()
    await expect(page.get_by_role("rowheader")).to_have_count(5, timeout=ANALYSIS_MS)
