"""The page against a stub gateway, in a real browser: a gateway that is full, and connections that break, move and come
back."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from playwright.async_api import expect

from gateway import protocol
from tests.browser.conftest import Console, OpenPage
from tests.support.page import TALK, talking
from tests.support.page_stub import PageStub, serve_page

pytestmark = pytest.mark.asyncio(loop_scope="session")

SLOW_BLOBS = """() => {
  const read = Blob.prototype.arrayBuffer;
  Blob.prototype.arrayBuffer = async function () {
    await new Promise((done) => setTimeout(done, 250));
    return read.call(this);
  };
}"""


async def test_a_lost_line_is_taken_up_again(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(f"{stub.url}?mic=recorder")
    await page.evaluate(SLOW_BLOBS)  # a piece of the first recording arrives after the second one has begun
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
    assert second.audio.startswith(b"\x1a\x45\xdf\xa3")  # a new connection needs a new header
    await expect(page.locator(".learner .words")).to_have_text("I was saying.")


async def test_a_server_that_hangs_is_noticed(open_page: OpenPage, stub: PageStub) -> None:
    """The server keeps the connection open, so only the missing answers to pings show that it hangs."""
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.until(lambda client: len(client.of_type(protocol.Ping)) >= 2)
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")
    stub.hangs = True
    await expect(page.locator("body")).to_have_attribute("data-phase", "reconnecting", timeout=15_000)
    stub.hangs = False
    await stub.client(2)
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")


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
    await client.send(protocol.ErrorMessage(message="all seats are taken", code="busy", retryable=True))
    await client.socket.close(1013, "all seats are taken; try again later")
    await expect(page.locator(".notice")).to_have_count(1)
    await expect(page.locator(".notice")).to_contain_text("All seats are taken; try again later.")
    stub.full = False
    await page.locator(".notice").get_by_role("button").click()
    await (await stub.client(2)).until(lambda client: len(client.frames) > 3)


async def test_the_queue_can_be_left(open_page: OpenPage, stub: PageStub) -> None:
    stub.full = True
    page = await open_page(stub.url)
    await page.get_by_role("button", name=TALK).click()
    client = await stub.arrival()
    await client.send(protocol.Queued(position=3, estimate_s=130, place="a"))
    await page.get_by_role("button", name="Leave the queue").click()
    await client.until(lambda client: client.gone)
    await expect(page.get_by_role("button", name=TALK)).to_be_visible()
    await expect(page.locator(".notice")).to_have_count(0)
    stub.full = False
    await page.get_by_role("button", name=TALK).click()
    await stub.client(2)


async def test_a_restart_of_the_server_is_not_the_learner_cutting_in(
    open_page: OpenPage, stub: PageStub, console: Console
) -> None:
    console.allowed.append("ERR_CONNECTION_REFUSED")  # the page may connect anew while the stub is being stopped
    page = await open_page(stub.url)
    client = await talking(page, stub)
    reply = await client.say("One two three four five six seven eight nine ten eleven twelve.")
    await client.until(lambda _: reply.played_ms > 700)
    await client.drop()
    await expect(page.locator(".cut-in")).to_have_text("The connection broke off here")
    second = await stub.client(2)
    reply = await second.say("One two three four five six seven eight nine ten eleven twelve.")
    await second.until(lambda _: reply.played_ms > 700)
    await second.send(protocol.Reconnect(reason="this gateway ends", delay_ms=10))
    await second.interrupt()
    await second.drop()
    await expect(page.locator(".cut-in").nth(1)).to_have_text("The connection broke off here")


async def test_a_typed_line_that_was_lost_with_its_connection_is_sent_again(
    open_page: OpenPage, stub: PageStub
) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await page.get_by_label("Write instead of speaking").fill("Where is the station?")
    await page.keyboard.press("Enter")
    await client.message(protocol.Text)
    await client.drop()
    second = await stub.client(2)
    assert (await second.message(protocol.Text)).text == "Where is the station?"
    await expect(page.locator(".learner")).to_have_count(1)


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
    await expect(page.get_by_role("alert")).to_contain_text("isn’t valid here")
    stub.full = False
    await page.get_by_label("Access token").fill("the-right-one")
    await page.get_by_role("button", name="Come in").click()
    third = await stub.client(3)
    assert third.socket.headers["sec-websocket-protocol"] == "aitalk, bearer.the-right-one"
    await third.until(lambda client: len(client.frames) > 3)
    await expect(page.locator("#access")).to_be_hidden()


async def test_a_learner_can_resume_from_the_queue(open_page: OpenPage, stub: PageStub) -> None:
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
    await asyncio.sleep(0.5)  # sound from now on belongs to the next connection
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
        # 0.5 s of this audio was recorded before the connection.
        await second.until(lambda client: len(client.audio) > 2 * rate * 0.7)
    else:
        assert second.audio.startswith(b"\x1a\x45\xdf\xa3")


async def test_a_reload_carries_on(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    for _ in range(8):
        await client.hear("I was saying")
    await expect(page.locator(".learner.final")).to_have_count(8)
    await page.reload()
    await expect(page.locator(".learner .words").first).to_have_text("I was saying.")
    await expect(page.get_by_role("button", name="Carry on talking")).to_be_in_viewport()
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


@pytest.mark.parametrize("code", [4408, 4429])
async def test_a_parked_session_waits_for_the_learner(open_page: OpenPage, stub: PageStub, code: int) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await client.socket.close(code, "nothing was said for a long time")
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
        with suppress(PlaywrightTimeoutError):  # on a slow machine, the page reconnects by itself before the click
            await page.get_by_role("button", name="Try now").click(timeout=3000)
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
