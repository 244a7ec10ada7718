"""The page's dialog about progress, with the gateway's real routes. The records are kept in memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from gateway import protocol
from gateway.ports.learner_record import LearnedWord, LearnerRecord, Mistake, WordToKeep
from gateway.progress.review import new_word, reviewed
from tests.browser.conftest import OpenPage
from tests.support.page import talking
from tests.support.page_modules import call
from tests.support.page_stub import PageStub
from tests.support.progress import an_entry

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOW = datetime.now(UTC)
TENSE = Mistake(kind="verb_tense", original="go", corrected="went")
ARTICLE = Mistake(kind="article", original="in kitchen", corrected="in the kitchen")


def a_record() -> LearnerRecord:
    """The record of a learner who makes fewer and fewer mistakes. It has ten conversations and three words; two of the
    words are due."""
    entries = tuple(
        an_entry(
            1 + 3 * i,
            *[TENSE] * (i < 7),
            *[ARTICLE] * (i % 3 == 0),
            words_per_minute=62.0 + 4.5 * i - 9 * (i == 4),
            pauses_per_minute=19.0 - i,
            distinct_words=48 + 8 * i,
            corrections_per_100_words=None if i == 5 else 7.8 - 0.55 * i,
        )
        for i in range(10)
    )
    sentence = "It was a long journey to the coast."
    words = [
        new_word(WordToKeep(word="journey", sentence=sentence, meaning="a long way"), NOW - timedelta(days=2)),
        new_word(WordToKeep(word="breathtaking", sentence="The view was breathtaking."), NOW - timedelta(days=1)),
        reviewed(new_word(WordToKeep(word="coast"), NOW), "easy", NOW),
    ]
    return LearnerRecord(since=NOW, conversations=entries, words_used={"en": ("a",)}, words_to_learn=tuple(words))


async def learner_of(page: Page) -> str:
    """The name under which the server keeps the record of the page's learner."""
    made = await page.evaluate("import('/static/memory.js').then((memory) => memory.learner())")
    return f"own:{made}"


async def opened(page: Page, stub: PageStub, record: LearnerRecord | None) -> Locator:
    """Open the dialog. record: what the server has kept of the learner; None: the learner has not agreed to
    one."""
    if record:
        stub.learners.records[await learner_of(page)] = record
        await page.evaluate("localStorage.setItem('aitalk.progress', 'true')")
    await page.get_by_role("button", name="My progress").click()
    return page.get_by_role("dialog", name="My progress")


async def test_nothing_is_kept_until_the_learner_agrees(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    await page.evaluate(
        "localStorage.setItem('aitalk.words', JSON.stringify([{word: 'view', sentence: 'What a view!', kept: ''}]))"
    )
    dialog = await opened(page, stub, None)
    await expect(dialog).to_contain_text("Nothing is kept now.")
    assert not stub.learners.records
    await dialog.get_by_role("switch", name="Keep my progress").check()
    await expect(dialog).to_contain_text("Have a conversation, end it, and look here again.")
    await expect(dialog.locator(".card-to-review")).to_contain_text("view")  # kept in the browser earlier
    await page.keyboard.press("Escape")
    client = await talking(page, stub)
    start = await client.message(protocol.Start)
    assert start.keep_progress is True
    assert f"own:{start.learner}" in stub.learners.records


async def test_without_the_switch_start_says_nothing(open_page: OpenPage, stub: PageStub) -> None:
    client = await talking(await open_page(stub.url), stub)
    assert (await client.message(protocol.Start)).keep_progress is None


async def test_a_server_that_keeps_none_says_so(open_page: OpenPage, stub: PageStub, console: object) -> None:
    console.allowed = ["400"]  # type: ignore[attr-defined]
    stub.learners.keeps = False
    page = await open_page(stub.url)
    dialog = await opened(page, stub, None)
    await dialog.get_by_role("switch").click()
    await expect(dialog).to_contain_text("This server keeps no progress, or can’t be reached.")
    await expect(dialog.get_by_role("switch")).not_to_be_checked()


async def test_ten_conversations_as_pictures_and_as_a_table(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    dialog = await opened(page, stub, a_record())
    speed = dialog.get_by_role("img", name="How fast you speak: 103 words per minute in the latest conversation")
    await expect(speed).to_be_visible()
    await expect(speed.locator("circle")).to_have_count(10)
    corrections = dialog.get_by_role("img", name="Corrections: 2.8 for 100 words in the latest conversation, 7.8 in")
    await expect(corrections.locator("circle")).to_have_count(9)  # one conversation has no count of corrections
    await dialog.get_by_text("As a table").click()
    await expect(dialog.locator("tbody tr")).to_have_count(10)
    first = dialog.locator(".recurring li").first
    await expect(first).to_contain_text("tenses 7 times, in 7 of 10 conversations")
    await expect(first.locator("ins").first).to_have_text("went")


async def test_words_are_reviewed_by_keyboard(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    dialog = await opened(page, stub, a_record())
    name = await learner_of(page)
    await expect(dialog).to_contain_text("2 words are due.")
    await expect(dialog.get_by_text("It was a long journey")).to_be_hidden()
    await dialog.get_by_role("button", name="Show the sentence").focus()
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("a long way")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Good")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(dialog.locator(".card-to-review .word")).to_have_text("breathtaking")
    await dialog.get_by_role("button", name="Show the sentence").click()
    await dialog.get_by_role("button", name="Easy").click()
    await expect(dialog).to_contain_text("None is due now. The next one is due in 10 minutes.")
    words: dict[str, LearnedWord] = {one.word: one for one in stub.learners.records[name].words_to_learn}
    assert (words["journey"].reviews, words["breathtaking"].reviews) == (1, 1)


async def test_everything_is_saved_and_erased(open_page: OpenPage, stub: PageStub, tmp_path: Path) -> None:
    page = await open_page(stub.url)
    dialog = await opened(page, stub, a_record())
    async with page.expect_download() as downloading:
        await dialog.get_by_role("button", name="Save everything as a file").click()
    await (await downloading.value).save_as(tmp_path / "all.json")
    assert len(json.loads((tmp_path / "all.json").read_text())["record"]["conversations"]) == 10
    await dialog.get_by_role("button", name="Erase everything").click()
    await dialog.get_by_role("button", name="Keep it").click()
    assert stub.learners.records
    await dialog.get_by_role("button", name="Erase everything").click()
    await dialog.get_by_role("button", name="Yes, erase").click()
    await expect(dialog).to_contain_text("Erased: 10 conversations in your record")
    assert not stub.learners.records
    await expect(dialog.get_by_role("switch")).not_to_be_checked()


async def test_a_kept_word_reaches_the_record_and_leaves_it(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    name = await learner_of(page)
    await stub.learners.agree(name)
    await page.evaluate("localStorage.setItem('aitalk.progress', 'true')")
    client = await talking(page, stub)
    reply = await client.say("What a breathtaking view!")
    await client.until(lambda _: reply.over)
    async with page.expect_response("**/learner/words"):
        await page.locator(".partner .words span", has_text="breathtaking").click()
        await page.get_by_role("button", name="Keep in my words").click()
    (kept,) = stub.learners.records[name].words_to_learn
    assert (kept.word, kept.language, kept.sentence) == ("breathtaking", "en", "What a breathtaking view!")
    await page.get_by_role("button", name="My words (1)").click()
    async with page.expect_response("**/learner/words/remove"):
        await page.get_by_role("button", name="Remove: breathtaking").click()
    assert not stub.learners.records[name].words_to_learn


async def test_a_server_that_is_away_is_reported(open_page: OpenPage, stub: PageStub, console: object) -> None:
    console.allowed = ["ERR_FAILED", "Failed to load"]  # type: ignore[attr-defined]
    page = await open_page(stub.url)
    await page.route("**/learner/**", lambda route: route.abort())
    dialog = await opened(page, stub, a_record())
    await expect(dialog).to_contain_text("Your progress can’t be reached right now.")


async def test_the_words_that_are_due_are_to_be_used_in_the_next_conversation(
    open_page: OpenPage, stub: PageStub
) -> None:
    page = await open_page(stub.url)
    stub.learners.records[await learner_of(page)] = a_record()
    await page.evaluate("localStorage.setItem('aitalk.progress', 'true')")
    client = await talking(page, stub)
    sheet = page.locator("#sheet")
    await expect(sheet.locator("summary")).to_have_text("Words to use journey, breathtaking")
    await sheet.locator("summary").click()
    await expect(sheet.locator(".due-words li")).to_have_text(["journey", "breathtaking"])
    await client.hear("I like long journeys")
    await expect(sheet.locator(".due-words li")).to_have_text(["✓ journey", "breathtaking"])
    await expect(sheet.locator(".tasks")).to_have_count(0)


async def test_in_a_scenario_the_words_that_are_due_come_after_its_tasks(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    stub.learners.records[await learner_of(page)] = a_record()
    await page.evaluate("localStorage.setItem('aitalk.progress', 'true')")
    await page.get_by_label("Beginner").check()
    await page.get_by_role("radio", name="At the café").check()
    await talking(page, stub)
    sheet = page.locator("#sheet")
    await expect(sheet).to_contain_text("Words to use")
    await expect(sheet.locator(".tasks li")).to_have_count(5)
    await expect(sheet.locator(".due-words li")).to_have_text(["journey", "breathtaking"])


async def test_without_consent_there_are_no_words_to_use(open_page: OpenPage, stub: PageStub) -> None:
    page = await open_page(stub.url)
    stub.learners.records[await learner_of(page)] = a_record()
    client = await talking(page, stub)
    await client.hear("Hello")
    await expect(page.locator(".turn.learner")).to_have_count(1)
    await expect(page.locator("#sheet")).to_be_hidden()


@pytest.mark.parametrize(
    ("word", "said", "language", "used"),
    [
        ("journey", "I like long journeys.", "en", True),
        ("art", "I read an article.", "en", False),
        ("car", "The carpet needs care.", "en", False),
        ("casa", "Las casas son bonitas.", "es", True),
        ("sol", "Estoy soltero.", "es", False),
    ],
)
async def test_a_word_counts_as_used_with_an_ending_only(
    modules: Page, word: str, said: str, language: str, used: bool
) -> None:
    argument = {"word": word, "said": said, "language": language}
    assert await call(modules, "view/sheet.js", "m.isUsed(a.word, a.said, a.language)", argument) is used


async def test_the_word_that_has_been_due_the_longest_comes_first(modules: Page) -> None:
    words = [
        {"word": word, "card": {"due": f"2026-01-0{day}T00:00:00Z"}} for word, day in (("b", 3), ("c", 1), ("a", 3))
    ]
    found = await call(
        modules, "progress.js", "m.due({words_to_learn: a}, new Date('2026-02-01')).map(({word}) => word)", words
    )
    assert found == ["c", "a", "b"]
