"""The page against a stub gateway, in a real browser: what is heard, shown, said, and what happens when it breaks."""

from __future__ import annotations

import asyncio
import io

import av
import numpy as np
import pytest
from playwright.async_api import Page, expect

from gateway import protocol
from tests.browser.conftest import Console, OpenPage
from tests.support.page_analysis import sample_analysis, sparse_analysis
from tests.support.page_stub import FRAME_MS, RATE_HZ, Client, PageStub, serve_page

pytestmark = pytest.mark.asyncio(loop_scope="module")

TALK = "Start talking"


async def talking(page: Page, stub: PageStub) -> Client:
    """Press the button, and be connected."""
    await page.get_by_role("button", name=TALK).click()
    client = await stub.client()
    await page.evaluate("globalThis.readTap?.()")  # the tap, where there is one, is in place
    return client


async def sounding(page: Page) -> int:
    """Samples that went to the loudspeaker and were not silence."""
    return int((await page.evaluate("readTap()"))["sounding"])


# --- the microphone -----------------------------------------------------------------------------


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
    stub.voices = ["Joe", "Amy"]
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


async def test_another_engine_than_the_one_asked_for_is_told(open_page: OpenPage, stub: PageStub) -> None:
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


async def test_refused_microphone_leaves_writing(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url, microphone=False)
    client = await talking(page, stub)
    await expect(page.get_by_role("alert")).to_contain_text("microphone is blocked")
    await page.get_by_label("Write instead of speaking").fill("Then I write.")
    await page.keyboard.press("Enter")
    assert (await client.message(protocol.Text)).text == "Then I write."
    assert client.frames == []
    await page.context.grant_permissions(["microphone"])
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


# --- the conversation ---------------------------------------------------------------------------


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
    page = await open_page(stub.url, tap=True)
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
    assert tap["longestGap"] <= 1  # a sine's own zero crossings
    assert tap["largestStep"] < 0.5 * 2 * np.pi * 440 / rate * 1.05  # the steepest that the tone itself gets: no click
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
    rate = await page.evaluate("new AudioContext().sampleRate")
    tap = await page.evaluate("readTap()")
    assert tap["largestStep"] < 0.5 * 2 * np.pi * 440 / rate * 1.05


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
        assert isinstance(client.messages[-2], protocol.Playback)  # so the server knows what was heard
    await expect(page.locator(".partner.interrupted")).to_contain_text("You cut in here")
    before = await page.evaluate("readTap('reset')")
    await client.socket.send_bytes(client_tone(200))  # what was under way when the server was told
    await page.wait_for_function(
        "(before) => readTap().then((tap) => tap.frames > before + 24000)", arg=before["frames"]
    )
    after = await page.evaluate("readTap()")
    assert after["sinceReset"] == 0
    assert 0 < after["sounding"] < before["frames"]
    assert after["largestStep"] < 0.06  # faded, not cut
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
    await page.keyboard.press("Tab")  # the levels
    await page.keyboard.press("ArrowRight")
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


# --- the line -----------------------------------------------------------------------------------


async def test_a_lost_line_is_taken_up_again(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(f"{stub.url}?mic=recorder")
    client = await talking(page, stub)
    await client.hear("I was saying")
    await client.until(lambda client: len(client.frames) > 3)
    await client.drop()
    await expect(page.locator("body")).to_have_attribute("data-phase", "reconnecting")
    second = await stub.client(2)
    start = await second.message(protocol.Start)
    assert (start.session_id, start.resume_token) == (client.session_id, client.resume_token)
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")
    await second.until(lambda client: len(client.frames) > 3)
    assert second.audio.startswith(b"\x1a\x45\xdf\xa3")  # a new line needs a new header
    await expect(page.locator(".learner .words")).to_have_text("I was saying.")


async def test_the_place_in_the_queue_is_shown_and_moves(open_page: OpenPage, stub: PageStub) -> None:
    stub.full = True
    page = await open_page(stub.url)
    await page.get_by_role("button", name=TALK).click()
    client = await stub.arrival()
    await client.send(protocol.Queued(position=3, estimate_s=130, place="a"))
    await expect(page.locator("#prelude-title")).to_have_text("All places are taken.")
    await expect(page.locator("#prelude-text")).to_contain_text("You’re number 3 in line: about 2 minutes to go.")
    await client.send(protocol.Queued(position=1, estimate_s=40, place="a"))
    await expect(page.locator("#prelude-text")).to_contain_text("You’re next: about 40 seconds to go.")
    await client.welcome()
    await client.until(lambda client: len(client.frames) > 3)
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")


async def test_the_place_in_the_queue_is_taken_along_to_another_gateway_and_then_forgotten(
    open_page: OpenPage, stub: PageStub
) -> None:
    stub.full = True
    page = await open_page(stub.url)
    await page.get_by_role("button", name=TALK).click()
    client = await stub.arrival()
    assert "place" not in client.socket.query_params
    await client.send(protocol.Queued(position=2, estimate_s=80, place="first ticket&"))
    await client.send(protocol.Queued(position=1, estimate_s=40, place="a ticket&"))
    await client.send(protocol.Reconnect(reason="the gateway ends", delay_ms=10))
    await client.socket.close(1012, "the gateway ends")
    second = await stub.arrival(2)
    assert second.socket.query_params["place"] == "a ticket&"
    await second.send(protocol.Queued(position=1, estimate_s=40, place="another"))
    await expect(page.locator("#prelude-text")).to_contain_text("You’re next")
    await second.welcome()
    await second.until(lambda client: len(client.frames) > 3)
    await second.drop()
    third = await stub.arrival(3)
    assert "place" not in third.socket.query_params


async def test_no_place_at_all_can_be_tried_again(open_page: OpenPage, stub: PageStub) -> None:
    stub.full = True
    page = await open_page(stub.url)
    await page.get_by_role("button", name=TALK).click()
    client = await stub.arrival()
    await client.send(protocol.ErrorMessage(message="all places are taken", code="busy", retryable=True))
    await client.socket.close(1013, "all places are taken; try again later")
    await expect(page.locator(".notice")).to_have_count(1)
    await expect(page.locator(".notice")).to_contain_text("All places are taken; try again later.")
    stub.full = False
    await page.locator(".notice").get_by_role("button").click()
    await (await stub.client(2)).until(lambda client: len(client.frames) > 3)


async def test_a_token_is_asked_for_and_sent(open_page: OpenPage, stub: PageStub) -> None:
    stub.full = True
    page = await open_page(stub.url)
    await page.get_by_role("button", name=TALK).click()
    client = await stub.arrival()
    refusal = protocol.ErrorMessage(message="a token is needed", code="unauthorized", retryable=False)
    await client.send(refusal)
    await expect(page.locator("#prelude-title")).to_have_text("Who’s there?")
    await page.get_by_label("Access token").fill("not-the-right-one")
    await page.keyboard.press("Enter")
    second = await stub.arrival(2)
    await second.send(refusal)
    await expect(page.get_by_role("alert")).to_contain_text("isn’t good here")
    stub.full = False
    await page.get_by_label("Access token").fill("the-right-one")
    await page.get_by_role("button", name="Come in").click()
    third = await stub.client(3)
    assert third.socket.headers["sec-websocket-protocol"] == "aitalk, bearer.the-right-one"
    await third.until(lambda client: len(client.frames) > 3)
    await expect(page.locator("#access")).to_be_hidden()


async def test_who_carries_on_says_so_from_the_queue(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    stub.full = True
    await client.drop()
    second = await stub.arrival(2)
    await second.send(protocol.Queued(position=5, estimate_s=900, place="a"))
    assert (await second.message(protocol.Start)).session_id == client.session_id
    await second.welcome()
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")
    assert len(second.of_type(protocol.Start)) == 1


@pytest.mark.parametrize("road", ["worklet", "recorder"])
async def test_a_move_to_another_gateway_is_unnoticed(open_page: OpenPage, stub: PageStub, road: str) -> None:
    page = await open_page(f"{stub.url}?mic={road}")
    client = await talking(page, stub)
    await client.until(lambda client: len(client.frames) > 10)
    await page.evaluate("""() => {
        globalThis.phases = [];
        const watch = new MutationObserver(() => phases.push(document.body.dataset.phase));
        watch.observe(document.body, { attributes: true });
    }""")
    await client.send(protocol.Reconnect(reason="this gateway ends", delay_ms=200))
    await asyncio.sleep(0.5)  # what is said now belongs to the next line
    before = len(client.frames)
    await client.drop()
    second = await stub.client(2)
    assert (await second.message(protocol.Start)).session_id == client.session_id
    await second.until(lambda client: len(client.frames) > 10)
    assert set(await page.evaluate("phases")) <= {"listening"}
    await expect(page.locator(".notice")).to_have_count(0)
    assert len(client.frames) - before < 3
    if road == "worklet":
        rate = second.of_type(protocol.Start)[0].audio.sample_rate
        await second.until(lambda client: len(client.audio) > 2 * rate * 0.7)  # at once, with half a second from before
    else:
        assert second.audio.startswith(b"\x1a\x45\xdf\xa3")


async def test_a_reload_carries_on(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.hear("I was saying")
    await expect(page.locator(".learner.final")).to_have_count(1)
    await page.reload()
    await expect(page.locator(".learner .words")).to_have_text("I was saying.")
    await page.get_by_role("button", name="Carry on talking").click()
    assert (await (await stub.client(2)).message(protocol.Start)).session_id == client.session_id


async def test_a_forgotten_session_becomes_a_fresh_one(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    stub.sessions.clear()
    await client.drop()
    third = await stub.client(3)
    assert (await stub.clients[1].message(protocol.Start)).session_id == client.session_id
    assert (await third.message(protocol.Start)).session_id is None
    await expect(page.get_by_role("status").filter(has_text="fresh one")).to_be_visible()
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")


async def test_a_parked_session_waits_for_the_learner(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.socket.close(4408, "nothing was said for a long time")
    await expect(page.locator("body")).to_have_attribute("data-phase", "parked")
    await page.get_by_role("button", name="Carry on here").click()
    assert (await (await stub.client(2)).message(protocol.Start)).session_id == client.session_id


async def test_server_away_then_back(open_page: OpenPage, console: Console) -> None:
    console.allowed += ["ERR_CONNECTION_REFUSED", "WebSocket connection"]
    stub = PageStub(chatty=False)
    async with serve_page(stub):
        page = await open_page(stub.url)
        await page.get_by_role("button", name=TALK).wait_for()
    await page.get_by_role("button", name=TALK).click()
    await expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    async with serve_page(stub, port=int(stub.url.rsplit(":", 1)[1].rstrip("/"))):
        await page.get_by_role("button", name="Try now").click()
        await stub.client()
        await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_server_still_warming_up_says_so(open_page: OpenPage, stub: PageStub, console: Console) -> None:
    console.allowed.append("503")
    stub.ready = False
    page = await open_page(stub.url)
    notice = page.get_by_text("still warming up (thinking)")
    await notice.wait_for()
    stub.ready = True
    await notice.wait_for(state="detached")


async def test_an_error_is_shown_and_passes(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.send(protocol.ErrorMessage(message="LLM: away", code="unavailable", retryable=True))
    await expect(page.get_by_role("alert")).to_contain_text("LLM: away. You can simply try again.")
    await client.hear("Once more")
    await expect(page.get_by_role("alert")).to_have_count(0)


# --- the report ---------------------------------------------------------------------------------


async def ended(page: Page, client: Client, analysis: dict[str, object]) -> None:
    await page.get_by_role("button", name="End", exact=True).click()
    await client.message(protocol.EndConversation)
    await expect(page.locator("body")).to_have_attribute("data-phase", "analysing")
    await client.send(protocol.AnalysisMessage(data=analysis))
    await client.drop(1000)
    await expect(page.locator("body")).to_have_attribute("data-phase", "ended")


async def test_report(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.hear("Hello")
    await ended(page, client, sample_analysis())
    report = page.locator("#report")
    await expect(report.locator(".estimate")).to_have_text("About B1")
    await expect(report.locator(".evidence li")).to_have_count(4)
    await expect(report.locator("dt", has_text="words per minute")).to_be_visible()
    marked = report.locator(".marked").first
    await expect(marked).to_have_text("Last weekend I go went to the sea with my sister.")
    await expect(marked.locator("del")).to_have_text("go")
    await expect(marked.locator("ins")).to_have_text("went")
    await expect(report.locator(".score rect.learner")).to_have_count(6)  # one of the five runs over a line's end
    await expect(report.locator(".missing")).to_have_count(0)
    await page.get_by_role("button", name="Talk again").click()
    assert (await (await stub.client(2)).message(protocol.Start)).session_id is None
    await expect(report).to_be_hidden()
    await expect(page.locator(".turn")).to_have_count(0)


async def test_report_says_what_is_missing(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await ended(page, await talking(page, stub), sparse_analysis())
    await expect(page.locator(".missing")).to_have_count(4)
    await expect(page.locator(".missing").nth(1)).to_contain_text("Only 12 words")


@pytest.mark.parametrize("analysis", [{}, {"timeline": None, "cefr": 3, "fluency": {}, "grammar": {"corrections": 1}}])
async def test_report_survives_nonsense(open_page: OpenPage, stub: PageStub, analysis: dict[str, object]) -> None:
    page = await open_page(stub.url)
    await ended(page, await talking(page, stub), analysis)
    await expect(page.get_by_role("heading", name="How it went")).to_be_visible()
