"""A conversation on the page against a stub gateway, in a real browser: what the page plays, shows and sends."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from playwright.async_api import Page, expect

from gateway import protocol
from tests.browser.conftest import OpenPage
from tests.support.page import TALK, talking
from tests.support.page_analysis import sample_analysis
from tests.support.page_stub import FRAME_MS, RATE_HZ, PageStub

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def sounding(page: Page) -> int:
    """The number of samples that went to the loudspeaker and were not silence."""
    return int((await page.evaluate("readTap()"))["sounding"])


async def test_transcript_grows_and_settles(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.send(
        protocol.SpeechStartedMessage(), protocol.TranscriptMessage(text="I go to <b>the", is_final=False)
    )
    await expect(page.locator(".learner.partial .words")).to_have_text("I go to <b>the")
    await expect(page.locator("body")).to_have_attribute("data-phase", "hearing")
    await client.send(protocol.SpeechStoppedMessage(), protocol.TranscriptMessage(text="I go home.", is_final=True))
    await expect(page.locator(".learner.final .words")).to_have_text("I go home.")
    await expect(page.locator("body")).to_have_attribute("data-phase", "thinking")
    await client.send(protocol.SpeechStartedMessage(), protocol.TranscriptMessage(text="hm", is_final=False))
    await client.send(protocol.SpeechStoppedMessage(), protocol.TranscriptMessage(text="", is_final=True))
    await expect(page.locator(".turn")).to_have_count(1)
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")


async def test_reply_is_played_without_a_gap_and_reported_to_its_end(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(f"{stub.url}?debug", tap=True)
    client = await talking(page, stub)
    reply = await client.say("One two three four five six.")
    seen = set()
    while not reply.over:
        seen.add(tuple(await page.locator(".partner .words span").evaluate_all("all => all.map((s) => s.className)")))
        await asyncio.sleep(0.05)
    await expect(page.locator(".partner.complete .words .said")).to_have_count(6)
    assert ("said", "said", "now", "unsaid", "unsaid", "unsaid") in seen
    reports = [message.played_ms for message in client.of_type(protocol.Playback)]
    assert reports == sorted(reports)
    assert len(reports) > 5
    assert reports[-1] == pytest.approx(reply.total_ms, abs=0.01)
    tap = await page.evaluate("readTap()")
    rate = await page.evaluate("new AudioContext().sampleRate")
    assert tap["sounding"] / rate * 1000 == pytest.approx(reply.total_ms, rel=0.01)
    assert tap["longestGap"] <= 1  # only the zero crossings of the sine
    assert tap["largestStep"] < 0.5 * 2 * np.pi * 440 / rate * 1.05  # the slope of the tone itself: no click
    await page.get_by_text("answered in 0.73 s").click()
    await expect(page.locator(".latency li")).to_have_count(6)


async def test_sparse_audio_restarts_without_a_click(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url, tap=True)
    client = await talking(page, stub)
    reply = await client.say("One two.")
    await page.wait_for_function("readTap().then((tap) => tap.sounding > 0)")
    await client.until(lambda client: reply.over)
    frame = bytes(client_tone(FRAME_MS))
    await client.socket.send_bytes(frame)
    await page.wait_for_function("(before) => readTap().then((tap) => tap.sounding > before)", arg=await sounding(page))
    # The frame begins at its peak, 0.5. Before the frame, the resampler gives out the end of the reply that it kept.
    # Meanwhile the gain rises from 0, and it is only about a sixth when the sound jumps to the peak.
    tap = await page.evaluate("readTap()")
    assert tap["largestStep"] < 0.5 / 4


FADE_S = 0.004  # how long the player fades when it is silenced


def client_tone(milliseconds: int) -> bytes:
    time = np.arange(RATE_HZ * milliseconds // 1000) / RATE_HZ
    return (0.5 * 32767 * np.cos(2 * np.pi * 440 * time)).astype("<i2").tobytes()


@pytest.mark.parametrize("how", ["button", "escape", "speech"])
async def test_interruption_silences(open_page: OpenPage, stub: PageStub, how: str) -> None:
    page = await open_page(stub.url, tap=True)
    client = await talking(page, stub)
    reply = await client.say("One two three four five six seven eight nine ten eleven twelve.")
    await client.until(lambda _: reply.played_ms > 700)
    if how == "button":
        await page.get_by_role("button", name="Interrupt").click()
    elif how == "escape":
        await page.keyboard.press("Escape")
    else:
        await client.send(protocol.SpeechStartedMessage())
        await client.interrupt()
    if how != "speech":
        await client.message(protocol.Interrupt)
        kinds = [type(message) for message in client.messages]
        assert kinds[kinds.index(protocol.Interrupt) - 1] is protocol.Playback  # so the server knows what was heard
    await expect(page.locator(".partner.interrupted")).to_contain_text("You cut in here")
    before = await page.evaluate("readTap('reset')")
    await client.socket.send_bytes(client_tone(200))  # it was on its way when the learner interrupted
    await page.wait_for_function(
        "(before) => readTap().then((tap) => tap.frames > before + 24000)", arg=before["frames"]
    )
    after = await page.evaluate("readTap()")
    # The sound may go on only for as long as the fade takes.
    assert after["sinceReset"] <= FADE_S * await page.evaluate("new AudioContext().sampleRate")
    assert 0 < after["sounding"] < before["frames"]
    assert after["largestStep"] < 0.06  # the sound faded and was not cut
    assert reply.played_ms < reply.total_ms
    said = await page.locator(".partner .words .said").all_inner_texts()
    unsaid = await page.locator(".partner .words .unsaid").all_inner_texts()
    assert " ".join(said) == reply.heard_text
    assert " ".join([*said, *unsaid]) == reply.text
    await client.say("And now")
    await page.wait_for_function("readTap().then((tap) => tap.sinceReset > 0)")


async def test_a_sound_of_the_learner_softens_the_partner_and_no_more(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url, tap=True)
    client = await talking(page, stub)
    reply = await client.say("One two three four five six seven eight nine ten eleven twelve.")
    await client.until(lambda _: reply.played_ms > 300)
    loud = (await page.evaluate("readTap()"))["peak"]
    await client.send(protocol.SpeechStartedMessage())
    await client.until(lambda _: reply.played_ms > 700)
    await page.evaluate("readTap('reset')")
    await client.until(lambda _: reply.played_ms > 1000)
    assert 0 < (await page.evaluate("readTap()"))["peak"] < loud / 3
    await client.send(protocol.SpeechStoppedMessage())
    await client.until(lambda _: reply.played_ms > 1400)
    await page.evaluate("readTap('reset')")
    await client.until(lambda _: reply.played_ms > 1700)
    assert (await page.evaluate("readTap()"))["peak"] > loud * 0.8
    assert await page.locator(".partner.interrupted").count() == 0


async def test_unheard_words_are_in_brackets(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    reply = await client.say("One two three four five six seven eight nine ten eleven twelve.")
    await client.until(lambda _: reply.played_ms > 700)
    await page.get_by_role("button", name="Interrupt").click()
    await expect(page.locator(".partner.interrupted")).to_contain_text("You cut in here")
    unsaid = page.locator(".partner .words .unsaid")
    assert await unsaid.first.get_attribute("title") == "You did not hear this part."
    brackets = (
        "all => all.map((s) => [getComputedStyle(s, '::before').content, getComputedStyle(s, '::after').content])"
    )
    seen = await unsaid.evaluate_all(brackets)
    assert [before for before, _ in seen] == ['"["', *["none"] * (len(seen) - 1)]
    assert [after for _, after in seen] == [*["none"] * (len(seen) - 1), '"]"']
    assert await unsaid.first.evaluate("(s) => getComputedStyle(s).textDecorationLine") == "none"


async def test_how_long_an_answer_took_is_for_developers(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.say("One two.")
    await expect(page.locator(".partner.complete")).to_be_visible()
    await expect(page.get_by_text("answered in")).to_have_count(0)


async def test_a_sentence_to_begin_with_is_sent_by_a_click(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await page.get_by_label("Beginner").check()
    client = await talking(page, stub)
    await page.get_by_role("button", name="I like coffee. What do you like?").click()
    assert (await client.message(protocol.Text)).text == "I like coffee. What do you like?"
    await expect(page.locator(".learner .words")).to_have_text("I like coffee. What do you like?")


async def test_a_typed_line_that_is_not_answered_can_be_sent_again(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await page.get_by_label("Write instead of speaking").fill("Where is the station?")
    await page.keyboard.press("Enter")
    await client.message(protocol.Text)
    again = page.get_by_role("button", name="Send it again")
    await expect(again).to_have_count(0)
    sound = (protocol.SpeechStoppedMessage(), protocol.TranscriptMessage(text="", is_final=True))
    await client.send(protocol.SpeechStartedMessage(), *sound)
    await again.click()
    assert (await client.message(protocol.Text, 2)).text == "Where is the station?"
    await expect(page.locator(".learner")).to_have_count(1)
    await client.say("It is over there.")
    await expect(page.locator(".partner.complete")).to_be_visible()
    await expect(again).to_have_count(0)


async def test_the_levels_stay_in_view_and_a_phone_hears_of_no_keys(open_page: OpenPage, stub: PageStub) -> None:
    phone = {"width": 390, "height": 844}
    page = await open_page(stub.url, viewport=phone, is_mobile=True, has_touch=True)
    client = await talking(page, stub)
    for _ in range(8):
        await client.hear("I was saying something that is long enough for more than one line")
    await expect(page.locator(".learner.final")).to_have_count(8)
    await page.wait_for_function("scrollY > 100")
    await expect(page.get_by_text("Advanced")).to_be_in_viewport()
    await page.get_by_role("button", name="Mute", exact=True).click()
    await client.send(protocol.TranscriptMessage(text="", is_final=True))
    await expect(page.locator(".status-hint")).to_have_text("Press Unmute to be heard again.")
    await client.say("One two three four five six.")
    await expect(page.get_by_role("button", name="Interrupt")).to_be_visible()
    await expect(page.locator("kbd")).to_be_hidden()


async def test_level_is_sent_and_kept(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await page.get_by_role("radio", name="Beginner").check()
    client = await talking(page, stub)
    assert (await client.message(protocol.Start)).level == "beginner"
    await page.get_by_role("radio", name="Advanced").check()
    assert (await client.message(protocol.SetLevel)).level == "advanced"
    await page.reload()
    await expect(page.get_by_role("radio", name="Advanced")).to_be_checked()


async def test_by_keyboard_alone(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await page.locator(".card").first.wait_for()
    await page.keyboard.press("Tab")  # the levels
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Tab")  # my words
    await page.keyboard.press("Tab")  # my progress
    await page.keyboard.press("Tab")  # the cards
    await expect(page.get_by_role("radio", name="Just talk")).to_be_focused()
    await page.keyboard.press("Tab")  # the box that shows the cards of all levels
    await page.keyboard.press("Tab")  # when to be corrected
    await page.keyboard.press("Tab")  # the learner's own language
    await page.keyboard.press("Tab")  # the language of the page
    await page.keyboard.press("Tab")  # the button
    await expect(page.get_by_role("button", name=TALK)).to_be_focused()
    await page.keyboard.press("Space")
    client = await stub.client()
    assert (await client.message(protocol.Start)).level == "advanced"
    field = page.get_by_label("Write instead of speaking")
    while not await field.evaluate("(field) => field === document.activeElement"):
        await page.keyboard.press("Tab")
    await page.keyboard.type("Hello there")
    await page.keyboard.press("Enter")
    await client.message(protocol.Text)
    await client.say("One two three four five six.")
    await page.get_by_role("button", name="Interrupt").wait_for()
    await page.keyboard.press("Escape")
    await client.message(protocol.Interrupt)
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="End", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await client.message(protocol.EndConversation)
    await client.send(protocol.AnalysisMessage(data=sample_analysis()))
    await client.drop(1000)
    await page.get_by_role("heading", name="How it went").wait_for()
    await expect(page.locator("#report")).to_be_focused()


async def test_the_page_says_who_learns_here_and_says_the_same_next_time(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(f"{stub.url}?mic=worklet")
    first = await (await talking(page, stub)).message(protocol.Start)
    await page.evaluate("sessionStorage.clear()")
    await page.reload()
    await page.get_by_role("button", name=TALK).click()
    second = await (await stub.client(2)).message(protocol.Start)
    assert second.session_id is None
    assert first.learner
    assert second.learner == first.learner
