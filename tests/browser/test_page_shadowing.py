"""Saying a sentence after the partner's voice: what is compared, and the page's dialog, on a stub gateway."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_page_words import AUDIO_SPY, answered
from tests.support.page import ended, talking
from tests.support.page_analysis import sample_analysis
from tests.support.page_modules import call
from tests.support.page_stub import PageStub

pytestmark = pytest.mark.asyncio(loop_scope="session")

RATE_HZ = 8000
SENTENCE = "I think it's a well-known street."
CLEAR = [(word, 0.9) for word in ("What", "can", "I", "get", "for", "you?")]
MUMBLED = [*CLEAR[:3], ("gate", 0.8), ("for", 0.3), ("you?", 0.9)]


# --- what is compared -----------------------------------------------------------------------------


def voice(*parts: tuple[float, float], noise: float = 0.0) -> dict[str, Any]:
    """A recording: (seconds, amplitude) for each part, in addition to noise."""
    chance = np.random.default_rng(3)
    sound = np.concatenate([
        amplitude * np.sin(2 * np.pi * 200 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
        for seconds, amplitude in parts
    ])  # fmt: skip
    return {"samples": (sound + noise * chance.standard_normal(len(sound))).tolist(), "rate": RATE_HZ}


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        (voice((0.3, 0), (1.0, 0.3), (0.4, 0), (0.6, 0.2), (0.5, 0)), [0.3, 2.3, [[1.3, 1.7]]]),
        (voice((0.3, 0), (1.0, 0.3), (0.4, 0), (0.6, 0.2), (0.5, 0), noise=0.005), [0.3, 2.3, [[1.3, 1.7]]]),
        (voice((1.0, 0.3), (0.2, 0), (0.6, 0.2)), [0.0, 1.8, []]),  # a short silence belongs to fluent speech
        (voice((0.02, 0.9), (0.5, 0), (1.0, 0.3)), [0.52, 1.52, []]),  # a click is not a voice
        (voice((2.0, 0.3)), [0.0, 2.0, []]),
        (voice((2.0, 0.3), noise=0.05), [0.0, 2.0, []]),  # the background is loud
    ],
)
async def test_the_voice_and_its_pauses_are_found(modules: Page, sound: dict[str, Any], expected: list[Any]) -> None:
    found = await call(modules, "shadowing.js", "m.voiced(a)", sound)
    pauses = [[pause["fromS"], pause["toS"]] for pause in found["pauses"]]
    assert [found["fromS"], found["toS"]] == pytest.approx(expected[:2], abs=0.02)
    assert np.array(pauses).ravel() == pytest.approx(np.array(expected[2]).ravel(), abs=0.02)


@pytest.mark.parametrize("sound", [voice((1.0, 0)), voice((1.0, 0), noise=1e-4), {"samples": [], "rate": RATE_HZ}])
async def test_a_recording_without_a_voice(modules: Page, sound: dict[str, Any]) -> None:
    assert await call(modules, "shadowing.js", "m.tempo(a, 5)", sound) is None


async def test_the_pace_counts_the_pauses(modules: Page) -> None:
    sound = voice((0.5, 0), (1.0, 0.3), (0.5, 0), (0.5, 0.2))
    tempo = await call(modules, "shadowing.js", "m.tempo(a, 6)", sound)
    assert tempo["seconds"] == pytest.approx(2.0, abs=0.02)
    assert tempo["perMinute"] == pytest.approx(180, rel=0.02)
    assert (tempo["pauses"], tempo["pauseS"]) == (1, pytest.approx(0.5, abs=0.02))


def heard(*words: str, confidence: float = 0.9) -> list[dict[str, Any]]:
    return [
        {"text": word, "fromS": 0.5 * i, "toS": 0.5 * i + 0.4, "confidence": confidence} for i, word in enumerate(words)
    ]


@pytest.mark.parametrize(
    ("sentence", "words", "language", "found"),
    [
        (SENTENCE, "I think it's a well-known street.", "en", "I think it's a well known street"),
        (SENTENCE, "i THINK it’s a well known street", "en", "I think it's a well known street"),
        (SENTENCE, "I sink it's a the well known", "en", "I it's a well known"),
        (SENTENCE, "", "en", ""),
        ("你好世界。", "你 好 世 界", "zh", "你好 世界"),
        ("¿Cómo estás?", "como estás", "es", "estás"),
    ],
)
async def test_the_words_of_the_sentence_are_found_among_those_heard(
    modules: Page, sentence: str, words: str, language: str, found: str
) -> None:
    argument = {"sentence": sentence, "heard": heard(*words.split()), "language": language}
    said = await call(modules, "shadowing.js", "m.said(a.sentence, a.heard, a.language)", argument)
    assert [each["text"] for each in said if each["fromS"] is not None] == found.split()
    assert all(each["confidence"] == (0 if each["fromS"] is None else 0.9) for each in said)


@pytest.mark.parametrize(
    ("takes", "voice_says", "unsure"),
    [
        ([[0.9, 0.2, 0.9]], [1, 1, 1], None),  # one take is not enough
        ([[0.9, 0.2, 0.9], [0.9, 0.1, 0.3]], [1, 1, 1], [1]),
        ([[0.9, 0.2, 0.9], [0.9, 0.1, 0.9]], [1, 0.3, 1], []),  # it is unsure of the voice's word, too
        ([[0.9, 0.2, 0.9], [0.9, 0.1, 0.9], [0.9, 0.9, 0.9], [0.9, 0.9, 0.9]], [1, 1, 1], []),
        ([[0.9, 0, 0.9], [0, 0, 0.9]], [1, 1, 1], None),  # the second is another sentence
    ],
)
async def test_a_word_is_unclear_only_if_recognition_is_unsure_of_it_in_several_takes(
    modules: Page, takes: list[list[float]], voice_says: list[float], unsure: list[int] | None
) -> None:
    def said(confidences: list[float]) -> list[dict[str, Any]]:
        return [{"text": "w", "confidence": one, "fromS": 1 if one else None, "toS": 2} for one in confidences]

    argument = {"takes": [said(take) for take in takes], "voice": said(voice_says)}
    assert await call(modules, "shadowing.js", "m.unsure(a.takes, a.voice)", argument) == unsure


@pytest.mark.parametrize(
    ("takes", "of_voice", "found"),
    [
        ([[("θ", "s")]], [], []),  # one take is not enough
        ([[("θ", "s")], [("θ", "t")]], [], [("θ", "t")]),
        ([[("θ", "s")], [("θ", "s")]], [("θ", "s")], []),  # it hears that in the voice, too
        ([[("θ", "s")], [("θ", "s")], [], []], [], []),
        ([[("θ", "s"), ("h", "")], [("h", "")]], [], [("h", "")]),
    ],
)
async def test_a_sound_is_named_only_if_another_was_heard_in_several_takes(
    modules: Page, takes: list[list[tuple[str, str]]], of_voice: list[tuple[str, str]], found: list[tuple[str, str]]
) -> None:
    def slips(pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
        return [{"word": 0, "expected": expected, "heard": sound} for expected, sound in pairs]

    words = [{"text": "think", "confidence": 0.9, "fromS": 0, "toS": 1}]
    argument = {"takes": [{"words": words, "slips": slips(take)} for take in takes], "voice": slips(of_voice)}
    named = await call(modules, "shadowing.js", "m.slipsOf(a.takes, a.voice)", argument)
    assert named == slips(found)


async def test_an_outline_has_the_peaks(modules: Page) -> None:
    assert await call(modules, "shadowing.js", "m.outline(a, 3)", [0, 0.5, -0.75, 0, 0, 0.25]) == [0.5, 0.75, 0.25]


# --- the dialog -----------------------------------------------------------------------------------


def dialog_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Say it like the voice")


async def recorded(dialog: Locator, button: str = "Record") -> None:
    """Record a second of the microphone."""
    await dialog.get_by_role("button", name=button, exact=True).click()
    await expect(dialog.locator("#shadowing-told")).to_have_text("Recording. Say the sentence.")
    await asyncio.sleep(1.2)
    await dialog.get_by_role("button", name="Stop recording").click()
    await expect(dialog.get_by_role("button", name="Record again")).to_be_enabled()


@pytest.mark.parametrize("road", ["worklet", "recorder"])
async def test_a_sentence_is_said_after_the_voice(open_page: OpenPage, stub: PageStub, road: str) -> None:
    page = await open_page("about:blank")
    await page.add_init_script(AUDIO_SPY)
    await page.goto(f"{stub.url}?mic={road}")
    client = await talking(page, stub)
    await answered(page, client)
    stub.recognised = [CLEAR, MUMBLED, MUMBLED]
    stub.slips = [[], *2 * [[{"word": 4, "expected": "h", "heard": ""}, {"word": 0, "expected": "w", "heard": "v"}]]]
    await page.get_by_role("button", name="Hear again: What can I get for you?").click()
    await page.get_by_role("button", name="Say it").click()
    dialog = dialog_of(page)
    await expect(dialog.locator(".waveform.partner text")).to_have_count(6)
    await recorded(dialog)
    told = dialog.locator("#shadowing-told")
    await expect(told).to_have_text("Record it once more to see which words were unclear.")
    await expect(dialog.locator(".waveform.learner text")).to_have_count(5)  # "get" was not recognised
    rows = dialog.locator("tbody tr")
    await expect(rows.nth(0).locator("td").first).to_have_text(re.compile(r"^(1.9|2.0)$"))  # six words of WORD_MS
    await expect(rows.nth(1)).to_have_text(re.compile(r"^Words per minute18[45]\d{3}$"))
    await expect(rows.nth(2).locator("td")).to_have_text(["0", "0"])
    assert float(await rows.nth(0).locator("td").nth(1).inner_text()) == pytest.approx(1.2, abs=0.5)
    await recorded(dialog, "Record again")
    await expect(told).to_contain_text("unsure of these words in several recordings: get, for.")
    await expect(told).to_contain_text("In “What”, the sound /w/ was closer to /v/ in several recordings.")
    await expect(told).to_contain_text("In “for”, the sound /h/ was missing in several recordings.")
    assert stub.expected == 3 * ["What can I get for you?"]
    await expect(dialog.locator("text.unsure")).to_have_text(re.compile("^for"))
    played = await page.evaluate("played.length")
    await dialog.get_by_role("button", name="Hear both").click()
    await page.wait_for_function(f"() => played[{played + 1}]?.took")
    voice_s, mine_s = [each["duration"] for each in (await page.evaluate("played"))[played:]]
    assert voice_s == pytest.approx(1.95, abs=0.02)
    assert mine_s == pytest.approx(1.2, abs=0.5)
    assert all(file.startswith(b"RIFF") for file in stub.recordings)
    assert len(stub.recordings) == 3
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name="Say it")).to_be_focused()


async def test_the_conversation_waits_meanwhile(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(f"{stub.url}?mic=worklet")
    client = await talking(page, stub)
    await answered(page, client)
    await client.until(lambda client: any(client.frames[-1]))
    stub.recognised = 2 * [[("Good", 0.9), ("morning!", 0.9)]]
    await page.get_by_role("button", name="Hear again: Good morning!").click()
    await page.get_by_role("button", name="Say it").click()
    await recorded(dialog_of(page))
    sent = len(client.frames)
    await client.until(lambda client: len(client.frames) > sent + 10)
    assert not any(client.frames[-1])  # the conversation doesn't hear what is recorded
    reply = await client.say("Are you still there? I can wait for you.")
    await client.until(lambda _: reply.over)
    assert reply.played_ms < reply.total_ms  # the partner was interrupted
    await dialog_of(page).get_by_role("button", name="Close").click()
    await client.until(lambda client: any(client.frames[-1]))


async def test_without_recognition_both_can_still_be_heard(open_page: OpenPage, stub: PageStub, console: Any) -> None:
    console.allowed.append("503")
    page = await open_page(stub.url)
    await answered(page, await talking(page, stub))
    await page.get_by_role("button", name="Hear again: Good morning!").click()
    await page.get_by_role("button", name="Say it").click()
    dialog = dialog_of(page)
    await recorded(dialog)
    await expect(dialog.locator("#shadowing-told")).to_contain_text("The server can’t compare this recording")
    await expect(dialog.locator(".waveform")).to_have_count(2)
    await expect(dialog.locator("table")).to_have_count(0)
    await expect(dialog.get_by_role("button", name="Hear both")).to_be_enabled()


async def test_a_corrected_sentence_of_the_report_is_said_too(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.hear("Hello")
    await ended(page, client, sample_analysis())
    right = "Last weekend I went to the sea with my sister."
    stub.recognised = [[(word, 0.9) for word in right.split()], [("Something", 0.9), ("else", 0.9)]]
    await page.get_by_role("button", name=f"Say it: {right}").click()
    dialog = dialog_of(page)
    await expect(dialog.locator(".waveform.partner text")).to_have_count(10)
    (request,) = stub.read_aloud
    assert (request["input"], request["voice"], request["response_format"]) == (right, "en-Joe", "pcm")
    await recorded(dialog)
    await expect(dialog.locator("#shadowing-told")).to_contain_text("did not find the sentence in this recording")
    await expect(dialog.locator("table")).to_have_count(0)


async def test_a_refused_microphone_is_explained(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url, microphone=False)
    client = await talking(page, stub)
    await answered(page, client)
    stub.recognised = [[("Good", 0.9), ("morning!", 0.9)]]
    await page.get_by_role("button", name="Hear again: Good morning!").click()
    await page.get_by_role("button", name="Say it").click()
    dialog = dialog_of(page)
    await dialog.get_by_role("button", name="Record", exact=True).click()
    await expect(dialog.locator("#shadowing-told")).to_contain_text("microphone")
    await expect(dialog.get_by_role("button", name="Record", exact=True)).to_be_enabled()
