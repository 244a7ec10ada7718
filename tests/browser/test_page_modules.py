"""The page's modules, each on its own, run in a browser: captions, resampler, score, diff, sentences, recordings, kept
words, reasons of corrections."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from playwright.async_api import Page

from tests.support.page_modules import call

pytestmark = pytest.mark.asyncio(loop_scope="session")


# --- captions -----------------------------------------------------------------------------------


def timed(*words: str) -> list[dict[str, object]]:
    return [{"text": word, "start_ms": 100 * i, "end_ms": 100 * i + 100} for i, word in enumerate(words)]


@pytest.mark.parametrize(
    ("text", "words", "starts"),
    [
        ("Hello there, friend.", ("Hello", "there", "friend"), [0, 6, 13]),
        (" «Yes!» she said.", ("Yes!", "she", "said."), [0, 8, 12]),  # characters before the first word belong to it
        ("I have 20 cats here", ("I", "have", "twenty", "cats", "here"), [0, 2, 10, 15]),  # "20" is spoken as "twenty"
        ("no no no", ("no", "no", "no"), [0, 3, 6]),
    ],
)
async def test_words_are_found_in_the_text(modules: Page, text: str, words: tuple[str, ...], starts: list[int]) -> None:
    cut = await call(modules, "aitalk/captions.js", "m.pieces(a.text, a.words)", {"text": text, "words": timed(*words)})
    assert "".join(piece["text"] for piece in cut) == text
    assert [piece["start"] for piece in cut] == starts


async def test_no_character_is_lost_whatever_the_words(modules: Page) -> None:
    chance = random.Random(7)
    for _ in range(40):
        text = "".join(chance.choices("ab cd,. \u00e9\n", k=30))
        words = timed(*("".join(chance.choices("abcd", k=2)) for _ in range(5)))
        cut = await call(modules, "aitalk/captions.js", "m.pieces(a.text, a.words)", {"text": text, "words": words})
        assert "".join(piece["text"] for piece in cut) == text


@pytest.mark.parametrize(
    ("turn", "states"),
    [
        ({"heardMs": 0, "status": "coming"}, ["unsaid", "unsaid", "unsaid"]),
        ({"heardMs": 150, "status": "speaking"}, ["said", "now", "unsaid"]),
        ({"heardMs": 150, "status": "interrupted"}, ["said", "said", "unsaid"]),
        ({"heardMs": 250, "status": "interrupted", "heardLength": 3}, ["said", "unsaid", "unsaid"]),
        ({"heardMs": 250, "status": "interrupted", "heardLength": 0}, ["unsaid", "unsaid", "unsaid"]),
        ({"heardMs": 0, "status": "complete"}, ["said", "said", "said"]),
    ],
)
async def test_said_and_unsaid(modules: Page, turn: dict[str, object], states: list[str]) -> None:
    argument = {"turn": {"heardLength": None, **turn}, "words": timed("One", "two", "three")}
    assert (
        await call(modules, "aitalk/captions.js", "m.states(m.pieces('One two three', a.words), a.turn)", argument)
        == states
    )


# --- resampler ----------------------------------------------------------------------------------

RESAMPLE = """(() => {
  const resampler = new m.Resampler(a.from, a.to);
  return a.pieces.flatMap((piece) => [...resampler.push(Float32Array.from(piece))]);
})()"""


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22050, 48000), (24000, 44100), (48000, 44100), (24000, 24000)])
async def test_resampling_keeps_a_tone_however_it_is_cut(modules: Page, from_hz: int, to_hz: int) -> None:
    samples = np.sin(2 * np.pi * 1000 * np.arange(from_hz // 10) / from_hz).tolist()
    cut = [samples[:7], samples[7:500], [], samples[500:]]
    whole, pieces = [
        np.array(await call(modules, "aitalk/resampler.js", RESAMPLE, {"from": from_hz, "to": to_hz, "pieces": each}))
        for each in ([samples], cut)
    ]
    np.testing.assert_allclose(pieces, whole, atol=1e-5)
    ideal = np.sin(2 * np.pi * 1000 * np.arange(len(whole)) / to_hz)
    assert np.abs(whole - ideal)[100:-100].max() < 0.005
    assert len(whole) == pytest.approx(to_hz / 10, abs=40)


# --- report -------------------------------------------------------------------------------------


async def test_every_second_of_a_turn_is_in_the_score(modules: Page) -> None:
    turns = [{"role": "learner", "started_s": s, "duration_s": d} for s, d in ((0, 14), (14.5, 40), (60, 0), (200, 3))]
    score = await call(modules, "score.js", "m.score(a, 190)", turns)
    drawn: dict[float, float] = {}
    for line in score["lines"]:
        for piece in line["pieces"]:
            assert 0 <= piece["fromS"] <= piece["toS"] <= score["lineS"]
            started_s = piece["turn"]["started_s"]
            drawn[started_s] = drawn.get(started_s, 0) + piece["toS"] - piece["fromS"]
    assert drawn == {turn["started_s"]: pytest.approx(turn["duration_s"]) for turn in turns}
    assert len(score["lines"]) <= 6


@pytest.mark.parametrize(
    ("before", "after"), [("I go home", "I went home"), ("", "a"), ("a b c", "c b a"), ("same here", "same here")]
)
async def test_a_diff_holds_both_sentences(modules: Page, before: str, after: str) -> None:
    parts = await call(modules, "diff.js", "m.wordDiff(a[0], a[1])", [before, after])

    def words(left_out: str) -> list[str]:
        return " ".join(part["text"] for part in parts if part["kind"] != left_out).split()

    assert words("in") == before.split()
    assert words("out") == after.split()


# --- sentences, recordings, kept words ----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good morning! What can I get for you?", ["Good morning!", "What can I get for you?"]),
        (" Mr. Smith is here. He waits.", ["Mr. Smith is here.", "He waits."]),
        ("No end", ["No end"]),
        ("", []),
    ],
)
async def test_a_reply_is_cut_into_sentences(modules: Page, text: str, expected: list[str]) -> None:
    found = await call(modules, "aitalk/sentences.js", "m.sentences(a, [], 'en')", text)
    assert [sentence["text"] for sentence in found] == expected
    assert all(text[each["textStart"] :].startswith(each["text"]) for each in found)


async def test_sentences_follow_one_another_in_the_text_and_in_time(modules: Page) -> None:
    chance = random.Random(5)
    for _ in range(40):
        tokens = [chance.choice(["One", "two.", "Three!", "four", "Five?"]) for _ in range(12)]
        argument = {"text": " ".join(tokens), "words": timed(*tokens[: chance.randrange(13)])}
        found = await call(modules, "aitalk/sentences.js", "m.sentences(a.text, a.words, 'en')", argument)
        assert [found[0]["start"], found[-1]["end"]] == [0, len(argument["text"])]
        assert all(one["end"] == other["start"] for one, other in itertools.pairwise(found))
        times = [each["fromMs"] for each in found if each["fromMs"] is not None]
        assert times == sorted(times)
        assert all(each["toMs"] is None or (each["fromMs"] or 0) < each["toMs"] for each in found)


RECORD = """(() => {
  const kept = new m.Recordings(a.limits);
  for (const [turn, samples] of a.replies) {
    kept.begin(turn, 1000);
    for (const part of samples) kept.add(Int16Array.from(part).buffer);
  }
  const cut = (turn) => kept.wav(turn, a.from, a.to);
  return a.replies.map(([turn]) => cut(turn) && [...new Int16Array(cut(turn))]);
})()"""
WAV_HEADER = 22  # in 16-bit words


async def test_a_slice_of_a_reply_is_a_wav(modules: Page) -> None:
    argument = {"limits": {}, "replies": [["t", [[1, 2, 3], [4, 5], [6]]]], "from": 1, "to": 5}
    (samples,) = await call(modules, "aitalk/recordings.js", RECORD, argument)
    assert samples[WAV_HEADER:] == [2, 3, 4, 5]
    assert np.array(samples[:2], "<i2").tobytes() == b"RIFF"
    assert samples[12] == 1000  # Hz
    assert samples[20] == 8  # bytes of sound


@pytest.mark.parametrize("limits", [{"mostReplies": 2}, {"mostSeconds": 0.008}])
async def test_only_the_latest_replies_are_kept(modules: Page, limits: dict[str, float]) -> None:
    replies = [[f"t{i}", [[i, i], [i]]] for i in range(5)]
    argument = {"limits": limits, "replies": replies, "from": 0, "to": None}
    kept = await call(modules, "aitalk/recordings.js", RECORD, argument)
    assert [samples and samples[WAV_HEADER:] for samples in kept] == [None, None, None, [3, 3, 3], [4, 4, 4]]


async def test_kept_words_are_unique_and_exported(modules: Page) -> None:
    entries = [
        {"word": "Sea", "sentence": "The\nsea.", "zipf": 5.1, "cefr": "A2", "kept": "2030-01-01"},
        {"word": "view", "sentence": '=HYPERLINK("x")', "zipf": None, "cefr": None, "kept": "2030-01-02"},
        {"word": "sea", "sentence": "To the sea!", "zipf": 5.1, "cefr": "A2", "kept": "2030-01-03"},
    ]
    kept = "a.reduce((kept, each) => m.add(kept, each), [])"
    assert [each["word"] for each in await call(modules, "my_words.js", kept, entries)] == ["sea", "view"]
    assert (
        await call(modules, "my_words.js", f"m.toText({kept})", entries[:2]) == 'view\t=HYPERLINK("x")\nSea\tThe sea.\n'
    )
    rows = (await call(modules, "my_words.js", f"m.toCsv({kept})", entries[1:])).split("\r\n")
    assert rows[1:] == [
        '"sea","","To the sea!","5.1","A2","2030-01-03"',
        '"view","","\'=HYPERLINK(""x"")","","","2030-01-02"',
        "",
    ]
    assert await call(modules, "my_words.js", f"m.remove({kept}, 'SEA').length", entries) == 1


# --- reasons of corrections ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "told", "shown"),
    [
        (None, {"code": "irregular_past", "values": {"past": "went"}},
         "The verb is irregular: its past tense is “went”."),
        ("it", {"code": "no_to", "values": {}}, "After this verb there is no “to”."),  # the page has no Italian texts
        ("de", {"code": "no_to", "values": {}}, "the server's reason"),
        (None, {"code": "a_new_rule", "values": {}}, "the server's reason"),
        (None, None, "the server's reason"),  # a correction by the language model
    ],
)  # fmt: skip
async def test_a_reason_is_the_servers_in_the_learners_own_language_or_the_pages(
    modules: Page, native: str | None, told: dict[str, object] | None, shown: str
) -> None:
    correction = {"why": "the server's reason", "why_code": told}
    memory = f"localStorage.setItem('aitalk.native', '\"{native}\"')" if native else "localStorage.clear()"
    await modules.evaluate(memory)
    assert await call(modules, "wording.js", "m.reason(a)", correction) == shown
    await modules.evaluate("localStorage.clear()")
