"""A learner says a sentence after the partner's voice, on the whole mesh and its real models."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.support.audio import resampled, wav
from tests.support.mesh import Mesh
from tests.support.voices import say

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

SENTENCE = "What can I get for you?"
RATE_HZ = 48_000
MODELS_MS = 60_000
# The conversation's microphone hears nothing. Those of the takes hear the file.
FIRST_IS_SILENT = """() => {
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    let opened = 0;
    navigator.mediaDevices.getUserMedia = async (constraints) => {
        opened += 1;
        return opened > 1 ? open(constraints) : new AudioContext().createMediaStreamDestination().stream;
    };
}"""


@pytest.fixture(scope="module")
def microphone_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sentence, said by the partner's own voice, after half a second of silence."""
    speech = resampled(*say(SENTENCE), RATE_HZ)
    silence = np.zeros(RATE_HZ // 2, np.int16)
    path = tmp_path_factory.mktemp("microphone") / "sentence.wav"
    path.write_bytes(wav(np.concatenate([silence, speech, *[silence] * 400]), RATE_HZ))
    return path


async def test_the_partners_own_voice_is_clear_and_as_fast(open_page: OpenPage, mesh: Mesh) -> None:
    page = await open_page(mesh.http)
    await page.evaluate(f"({FIRST_IS_SILENT})()")
    await page.get_by_label("Beginner").check()
    await page.get_by_role("radio", name="At the café").check()
    await page.get_by_role("button", name="Start talking").click()
    again = page.get_by_role("button", name=f"Hear again: {SENTENCE}")
    await expect(again).to_be_visible(timeout=MODELS_MS)
    await again.click()
    await page.get_by_role("button", name="Say it").click()
    dialog = page.get_by_role("dialog", name="Say it like the voice")
    await expect(dialog.locator(".waveform.partner text")).to_have_count(6, timeout=MODELS_MS)
    told = dialog.locator("#shadowing-told")
    for button in ("Record", "Record again"):
        await dialog.get_by_role("button", name=button, exact=True).click()
        await expect(told).to_have_text("Recording. Say the sentence.")
        await asyncio.sleep(4)
        await dialog.get_by_role("button", name="Stop recording").click()
        await expect(dialog.get_by_role("button", name="Record again")).to_be_enabled(timeout=MODELS_MS)
    await expect(dialog.locator(".waveform.learner text")).to_have_count(6)
    await expect(told).to_have_text("No word was unclear in several recordings.")
    seconds, paces, pauses, _ = [
        [float(await cell.inner_text()) for cell in await row.locator("td").all()]
        for row in await dialog.locator("tbody tr").all()
    ]
    assert seconds[1] == pytest.approx(seconds[0], rel=0.3)  # the partner speaks more slowly to a beginner
    assert paces[1] >= paces[0]
    assert pauses == [0, 0]
