"""The page against a stub gateway, in a real browser: sentences heard again, hints, words looked up and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway import protocol
from tests.browser.conftest import OpenPage
from tests.support.page import talking
from tests.support.page_stub import WORD_MS, Client, PageStub, Reply

pytestmark = pytest.mark.asyncio(loop_scope="session")

TWO_SENTENCES = "Good morning! What can I get for you?"
AUDIO_SPY = """
globalThis.played = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  const entry = { rate: this.playbackRate, pitch: this.preservesPitch, began: performance.now() };
  played.push(entry);
  this.addEventListener('loadedmetadata', () => (entry.duration = this.duration));
  this.addEventListener('ended', () => (entry.took = performance.now() - entry.began));
  return play.call(this);
};
"""


async def answered(page: Page, client: Client, text: str = TWO_SENTENCES) -> Reply:
    """Let the partner say something, and wait until the page has played all of it."""
    reply = await client.say(text)
    await client.until(lambda _: reply.over)
    await expect(page.locator(".partner.complete .hear-again").first).to_be_visible()
    return reply


async def test_a_sentence_is_heard_again_and_slowly(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page("about:blank")
    await page.add_init_script(AUDIO_SPY)
    await page.goto(f"{stub.url}?mic=worklet")
    client = await talking(page, stub)
    await answered(page, client)
    await page.get_by_role("button", name="Hear again: What can I get for you?").click()
    await page.wait_for_function("() => played[0]?.took")
    await page.get_by_role("button", name="Slowly").click()
    await expect(page.locator(".status-now")).to_have_text("Playing it again")
    heard = len(client.frames)
    await client.until(lambda client: len(client.frames) > heard + 10)
    assert not any(client.frames[-1])  # the microphone must not hear the repeated sentence
    await page.wait_for_function("() => played[1]?.took")
    await expect(page.locator(".status-now")).to_have_text("Listening")
    await client.until(lambda client: any(client.frames[-1]))
    normal, slow = await page.evaluate("played")
    assert normal["duration"] == pytest.approx(6 * WORD_MS / 1000 + 0.03, abs=0.005)
    assert slow["duration"] == pytest.approx(normal["duration"])
    assert (normal["rate"], slow["rate"], slow["pitch"]) == (1, 0.7, True)
    assert slow["took"] / 1000 >= slow["duration"] / 0.7 - 0.2


async def test_the_partners_next_reply_ends_what_is_heard_again(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await answered(page, client)
    await page.get_by_role("button", name="Hear again: What can I get for you?").click()
    await page.get_by_role("button", name="Slowly").click()
    await expect(page.locator(".status-now")).to_have_text("Playing it again")
    await client.say("One two three four five six.")
    await expect(page.locator(".status-now")).to_have_text("Speaking")
    await expect(page.locator("body")).to_have_attribute("data-phase", "listening")
    await expect(page.locator(".status-now")).to_have_text("Listening")


async def test_a_sentence_whose_sound_is_gone_says_so(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await answered(page, await talking(page, stub))
    await page.reload()
    await page.get_by_role("button", name="Hear again: Good morning!").click()
    await expect(page.locator("#lookup")).to_contain_text("The sound of this sentence is no longer kept.")


async def test_a_word_is_looked_up_kept_exported_and_removed(
    open_page: OpenPage, stub: PageStub, tmp_path: Path
) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await answered(page, client, "It was fine. The view must have been breathtaking!")
    await page.locator(".partner .words span", has_text="breathtaking").click()
    about = page.locator(".lookup-word")
    await expect(about).to_contain_text("breathtaking – a less common word, about C1. It is one word in")
    await expect(page.locator(".lookup-sentence")).to_have_text("The view must have been breathtaking!")
    await page.get_by_role("button", name="Keep in my words").click()
    await expect(page.get_by_role("button", name="In my words")).to_be_disabled()
    await page.locator(".lookup-sentence").get_by_role("button", name="view").click()
    await expect(about).to_contain_text("view –")
    await page.get_by_role("button", name="Keep in my words").click()
    await page.reload()
    await page.get_by_role("button", name="My words (2)").click()
    dialog = page.get_by_role("dialog", name="My words")
    await expect(dialog.locator("li")).to_have_count(2)
    await expect(dialog.locator("li").nth(1)).to_contain_text("The view must have been breathtaking!")
    async with page.expect_download() as downloading:
        await dialog.get_by_role("button", name="Save as CSV").click()
    await (await downloading.value).save_as(tmp_path / "words.csv")
    rows = (tmp_path / "words.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == '"word","meaning","sentence","zipf","level","kept"'
    assert rows[2].startswith('"breathtaking","","The view must have been breathtaking!","3.')
    await dialog.get_by_role("button", name="Remove: view").click()
    await expect(dialog.locator("li")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name="My words (1)")).to_be_focused()


async def test_words_are_reached_by_keyboard(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await answered(page, await talking(page, stub), "Hello friend.")
    await page.locator(".hear-again").focus()
    await page.keyboard.press("Enter")
    word = page.locator(".lookup-sentence").get_by_role("button", name="friend")
    await word.focus()
    await page.keyboard.press("Enter")
    await expect(word).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".lookup-word")).to_contain_text("friend – a very common word, about A1.")
    await page.locator("#lookup").get_by_role("button", name="Close").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#lookup")).to_be_hidden()
    await expect(page.locator(".hear-again")).to_be_focused()


async def test_hints_are_asked_for_chosen_and_gone_with_the_answer(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    client = await talking(page, stub)
    await page.get_by_role("button", name="Hint").click()
    await client.message(protocol.Hint)
    await expect(page.get_by_role("button", name="Hint …")).to_be_disabled()
    await client.send(protocol.HintMessage(sentences=("Can I have a coffee, please?", "What do you recommend?")))
    await expect(page.get_by_role("button", name="Hint", exact=True)).to_be_enabled()
    hints = page.get_by_role("region", name="Hints")
    await expect(hints.get_by_role("listitem")).to_have_count(2)
    await hints.get_by_role("button", name="What do you recommend?").click()
    await page.keyboard.press("Enter")
    assert (await client.message(protocol.Text)).text == "What do you recommend?"
    await expect(hints).to_be_hidden()


async def test_a_scenario_from_its_card_to_a_kept_word(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await page.get_by_label("Beginner").check()
    await page.get_by_role("radio", name="At the café").check()
    client = await talking(page, stub)
    assert (await client.message(protocol.Start)).model_dump()["partner_begins"] is True
    await answered(page, client)
    await page.get_by_role("button", name="Hint").click()  # the learner has fallen silent
    await client.message(protocol.Hint)
    await client.send(protocol.HintMessage(sentences=("Can I have a coffee, please?",)))
    await page.get_by_role("button", name="Can I have a coffee, please?", exact=True).last.click()
    await page.keyboard.press("Enter")
    assert (await client.message(protocol.Text)).text == "Can I have a coffee, please?"
    await answered(page, client, "Certainly. The chocolate cake is delicious today.")
    await page.get_by_role("button", name="Hear again: The chocolate cake is delicious today.").click()
    await page.get_by_role("button", name="Slowly").click()
    await expect(page.locator(".status-now")).to_have_text("Playing it again")
    await page.locator(".lookup-sentence").get_by_role("button", name="delicious").click()
    await page.get_by_role("button", name="Keep in my words").click()
    await expect(page.get_by_role("button", name="My words (1)")).to_be_visible()
