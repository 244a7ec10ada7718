"""Text is read aloud as people read it, and every spoken word is traced to the written word that it comes from.

The cases are tables in normalisation/, one for each language. A line has the written text, a tab and the spoken text.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_service.engine import EngineAudio, EngineWord
from tts_service.engines import kokoro
from tts_service.speech.streaming_text import WordSplitter
from tts_service.text.captions import CaptionAligner
from tts_service.text.clauses import Boundary, Clause, has_words
from tts_service.text.normalise import normaliser_for
from tts_service.text.speakable import speakable
from tts_service.text.words import written_words

TABLES = {path.stem: path for path in sorted(Path(__file__).with_name("normalisation").glob("*.tsv"))}
CASES: dict[str, list[tuple[str, str]]] = {
    language: [
        (written, said)
        for line in path.read_text(encoding="utf-8").splitlines()
        for written, said in [line.split("\t")]
    ]
    for language, path in TABLES.items()
}
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *" .,:/-–+=×%°$€#~&'()|😀",
            *("5", "12", "2026", "1,000", "3.14", "1.000", "30", "½", " ", " ", "x"),
            *("km", "pm", "a.m.", "Nov.", "No.", "Dr.", "II", "War ", "1st", "am 5. ", "h", "€", "kg", "joe@x.com"),
            *("Uhr", "de ", "et ", "million", "1980s", "555-1234", "one ", "März "),
        ]
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("language", TABLES)
def test_read_as_people_read_it(language: str) -> None:
    read = normaliser_for(language)
    wrong = [(written, said, got) for written, said in CASES[language] if (got := read(written).text) != said]
    assert wrong == []


@pytest.mark.parametrize("language", TABLES)
def test_the_tables_are_large(language: str) -> None:
    assert len(CASES[language]) >= (150 if language == "en" else 60)


def test_every_voice_without_a_hub_has_a_table() -> None:
    assert {tag.partition("-")[0] for tag, _ in kokoro.LANGUAGES.values()} <= set(TABLES)


@pytest.mark.parametrize("language", TABLES)
def test_read_the_same_word_by_word(language: str) -> None:
    """Engines that take text as it arrives get the same words to say."""
    read = normaliser_for(language)

    def word_by_word(written: str) -> str:
        splitter = WordSplitter(read)
        parts = [*itertools.chain(*map(splitter.push, written)), *splitter.finish()]
        return " ".join(part for clause in parts if (part := read(clause.text).text))

    wrong = [(written, said, got) for written, said in CASES[language] if (got := word_by_word(written)) != said]
    assert wrong == []


@pytest.mark.parametrize("language", TABLES)
def test_every_written_word_is_heard(language: str) -> None:
    unheard = []
    for written, _ in CASES[language]:
        places, reading, words = (
            _places_heard(language, written),
            normaliser_for(language)(written),
            written_words(written),
        )
        if len(reading.text.split()) >= len(written.split()):
            is_heard = places == words
        else:  # one spoken word may stand for several written ones: "1 000" is "mille"
            is_heard = places[0] == words[0] and set(places) < set(words)
        if not is_heard:
            unheard.append((written, places, words))
    assert unheard == []


def _places_heard(language: str, written: str) -> list[tuple[int, int]]:
    """The places of the captions' words in the written text. Each spoken word takes a hundred samples."""
    reading = normaliser_for(language)(written)
    audio = EngineAudio(np.zeros(1000, np.float32), _hundred_samples_each(reading.text))
    words = CaptionAligner(Clause(written, 0, len(written), Boundary.SENTENCE), reading).words(audio, 0, 1.0)
    return [(word.text_start, word.text_end) for word in words]


@settings(deadline=None)
@given(FRAGMENTS, st.sampled_from([*TABLES, "ko"]))
def test_places_stay_in_order(written: str, language: str) -> None:
    reading = normaliser_for(language)(written)
    assert len(reading.text) == len(reading.origins)
    assert list(reading.origins) == sorted(reading.origins)
    assert all(0 <= place < len(written) for place in reading.origins)
    assert "  " not in reading.text
    assert reading.text == reading.text.strip()
    assert bool(reading) == bool(speakable(written))
    assert not set("[]*|`\0") & set(reading.text)


@pytest.mark.parametrize("language", TABLES)
@given(text=st.text(alphabet="zq éüñ,.!?'"))
def test_plain_words_are_left_alone(language: str, text: str) -> None:
    plain = re.sub(r"\w*\.\w+", "", text)  # removes what looks like an address; the rest has no abbreviation
    assert normaliser_for(language)(plain).text == speakable(plain).text


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("ko", "오늘은 2026년 11월 29일, 기온은 20°C.", "오늘은 2026년 11월 29일, 기온은 20°C."),
        ("nl", "Ik heb 5 boeken.", "Ik heb 5 boeken."),
        ("ru", "В 1984 году, 50% и #1", "В 1984 году, 50% и 1"),
        ("", "It is 5", "It is 5"),
    ],
)
def test_a_language_without_rules_is_left_to_its_voice(language: str, written: str, said: str) -> None:
    assert normaliser_for(language)(written).text == said


@pytest.mark.parametrize("language", TABLES)
def test_a_very_long_number_is_still_read(language: str) -> None:
    """Python converts at most 4,300 digits to a number."""
    digits = "9" * 4400
    for written in (
        digits,
        f"{digits}th",
        f"{digits}x{digits}",
        f"{digits}.{digits}.{digits}",
        f"${digits}",
        f"{digits}%",
    ):
        assert normaliser_for(language)(written)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en-US", "March fourth, twenty twenty-six"),
        ("en", "March fourth, twenty twenty-six"),
        ("en-GB", "April third, twenty twenty-six"),
    ],
)
def test_countries_write_dates_differently(language: str, said: str) -> None:
    assert normaliser_for(language)("3/4/2026").text == said


def test_captions_have_the_times_of_what_was_read() -> None:
    """ "$3.50" is one written word and five spoken ones; "5 km" is two written words and two spoken ones."""
    written = "Pay $3.50 for 5 km now"
    reading = normaliser_for("en")(written)
    assert reading.text == "Pay three dollars and fifty cents for five kilometers now"
    captions = CaptionAligner(Clause(written, 0, len(written), Boundary.SENTENCE), reading)
    words = captions.words(EngineAudio(np.zeros(1000, np.float32), _hundred_samples_each(reading.text)), 0, 1.0)
    assert [(word.text, word.start_sample, word.end_sample) for word in words] == [
        ("Pay", 0, 100),
        ("$3.50", 100, 600),
        ("for", 600, 700),
        ("5", 700, 800),
        ("km", 800, 900),
        ("now", 900, 1000),
    ]


def test_a_caption_whose_reading_goes_on_in_the_next_piece_ends_with_its_own() -> None:
    written = "Pay $3.50 now"
    reading = normaliser_for("en")(written)
    spoken = _hundred_samples_each(reading.text)
    captions = CaptionAligner(Clause(written, 0, len(written), Boundary.SENTENCE), reading)
    first = captions.words(EngineAudio(np.zeros(350, np.float32), spoken[:3]), 0, 1.0)
    rest = captions.words(EngineAudio(np.zeros(350, np.float32), spoken[3:]), 350, 1.0)
    assert [(word.text, word.end_sample) for word in first] == [("Pay", 100), ("$3.50", 350)]
    assert [word.text for word in rest] == ["now"]


def _hundred_samples_each(text: str) -> tuple[EngineWord, ...]:
    spans = written_words(text)
    assert all(has_words(text[start:end]) for start, end in spans)
    return tuple(EngineWord(*span, 100 * number, 100 * (number + 1)) for number, span in enumerate(spans))
