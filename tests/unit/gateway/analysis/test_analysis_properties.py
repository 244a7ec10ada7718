"""The analysis is valid and its numbers agree, whatever was said and whatever times a broken recogniser claims."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.analysis.answers import CorrectionsAnswer, FeedbackAnswer, read
from gateway.analysis.cefr import estimate_cefr
from gateway.analysis.document import Analysis, Conversation
from gateway.analysis.feedback import presentable
from gateway.analysis.grammar import NOTHING_CHECKED, Sentence, edits, is_credible, pieces_of, sentences_said, spread
from gateway.analysis.measurement import measure
from gateway.analysis.prompts import corrections_question, last_words
from gateway.analysis.sentences import clip
from gateway.analysis.vocabulary import mattr
from gateway.history import LearnerTurn, Level, PartnerTurn, Turn, Word
from tests.support.analysis_schema import validate

SOME_WORDS = st.sampled_from(
    ["um", "I", "go", "went", "you know,", "The", "xylophone.", "12", "don’t", "Anna", "東京", "é"]
)
TEXTS = st.lists(SOME_WORDS, max_size=30).map(" ".join) | st.text(max_size=60)
TIMES = st.floats(-5, 500) | st.floats()  # with infinities and NaN
LEVELS: st.SearchStrategy[Level] = st.sampled_from(["beginner", "intermediate", "advanced"])
LANGUAGES = st.sampled_from(["en", "en-GB", "fr", "de", "ja", "th", "xx", "", "not a tag"])
WORDS = st.lists(st.builds(Word, text=st.text(max_size=8), start_s=TIMES, end_s=TIMES), max_size=12).map(tuple)
LEARNER = st.builds(
    LearnerTurn,
    turn_id=st.text(max_size=5),
    text=TEXTS,
    started_s=TIMES,
    duration_s=TIMES,
    words=WORDS,
    typed=st.booleans(),
)
PARTNER = st.builds(
    PartnerTurn,
    turn_id=st.text(max_size=5),
    text=TEXTS,
    generated_text=TEXTS,
    interrupted=st.booleans(),
    started_s=TIMES,
    duration_s=TIMES,
    words=WORDS,
)
TURNS: st.SearchStrategy[list[Turn]] = st.lists(LEARNER | PARTNER, max_size=8)


@settings(deadline=None)  # the first use of a language loads its word list
@given(turns=TURNS, level=LEVELS, language=LANGUAGES)
def test_any_conversation_is_measured_and_its_counts_add_up(turns: list[Turn], level: Level, language: str) -> None:
    measured = measure(turns, level, language)
    fluency, vocabulary = measured.fluency, measured.vocabulary
    learner = [turn for turn in turns if isinstance(turn, LearnerTurn)]

    of_learner = [turn for turn in measured.timeline if turn.role == "learner"]
    assert len(measured.timeline) == len(turns)
    assert sum(turn.words for turn in of_learner) == vocabulary.words
    assert sum(turn.words for turn in of_learner if not turn.typed) == fluency.words
    assert sum(len(turn.pauses) for turn in of_learner) == (fluency.pauses.count if fluency.pauses else 0)
    assert fluency.turns == sum(not turn.typed for turn in learner)
    assert fluency.share_of_talk is None or 0 <= fluency.share_of_talk <= 1
    assert fluency.fillers is None or fluency.fillers.count == sum(fluency.fillers.by_filler.values()) > 0
    assert vocabulary.distinct_words <= vocabulary.words
    assert (vocabulary.variety is None) == (vocabulary.words < 50)
    if vocabulary.rarity is not None:
        assert sum(band.words for band in vocabulary.rarity.bands) <= vocabulary.words
        assert sum(band.distinct_words for band in vocabulary.rarity.bands) <= vocabulary.distinct_words
    assert len({word.word for word in vocabulary.words_to_learn}) == len(vocabulary.words_to_learn) <= 10

    checked = NOTHING_CHECKED.model_copy(update={"words_checked": vocabulary.words})
    cefr, because = estimate_cefr(fluency, vocabulary, checked, language, None)
    assert (cefr.estimate is None) == (because is not None)
    document = Analysis(
        conversation=Conversation(
            language=language,
            level=level,
            duration_s=0,
            learner_turns=len(learner),
            typed_turns=0,
            partner_turns=0,
            interruptions=0,
        ),
        summary=None,
        cefr=cefr,
        fluency=fluency,
        vocabulary=vocabulary,
        grammar=NOTHING_CHECKED,
        next_steps=(),
        timeline=measured.timeline,
        unavailable=measured.unavailable,
    ).model_dump(mode="json")
    validate(document)
    json.dumps(document, allow_nan=False)


@given(words=st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=60), window=st.integers(1, 5))
def test_variety_is_the_mean_over_all_windows(words: list[str], window: int) -> None:
    windows = [words[start : start + window] for start in range(len(words) - window + 1)]
    assert mattr(words, window) == round(sum(len(set(one)) for one in windows) / len(windows) / window, 3)


@given(said=TEXTS, written=TEXTS | st.just(""))
def test_a_correction_is_always_about_something_said(said: str, written: str) -> None:
    for text in (written, f"{said} {written}", said.replace("go", "went")):
        for correction in edits(Sentence(said, "1"), text):
            assert correction.original
            assert correction.corrected
            assert correction.original in correction.sentence == said
            assert correction.corrected in text
            assert correction.original.casefold() != correction.corrected.casefold()
        if is_credible(said, text):
            assert len(text.split()) <= 2 * len(said.split()) + 4


@given(turns=TURNS)
def test_each_sentence_is_in_one_piece_at_most(turns: list[Turn]) -> None:
    sentences = sentences_said(turns)
    pieces = pieces_of(sentences)
    numbers = [number for piece in pieces for number in piece]
    assert numbers == sorted(set(numbers))
    assert sorted(number for piece in spread(pieces) for number in piece) == numbers
    assert all(piece and sum(len(sentences[number].text.encode()) for number in piece) <= 900 for piece in pieces)
    assert all(number in numbers or len(one.text.encode()) > 400 for number, one in enumerate(sentences))


@given(text=st.text() | st.recursive(st.none() | st.text(), lambda inner: st.lists(inner)).map(json.dumps))
def test_any_answer_can_be_read(text: str) -> None:
    for written in (text, f'{{"corrected": {text}, "summary": {text}}}'):
        assert read(written, CorrectionsAnswer) is None or "corrected" in written
        assert read(written, FeedbackAnswer) is None


@given(summary=TEXTS, steps=st.lists(TEXTS, max_size=6), because=TEXTS)
def test_feedback_is_bounded_and_never_the_question_itself(summary: str, steps: list[str], because: str) -> None:
    answer = FeedbackAnswer(summary=summary, next_steps=steps, cefr="B1", cefr_because=because)
    question = corrections_question([summary], language="en")
    feedback = presentable(answer, question, lambda _: True)
    if feedback is not None:
        # The question quotes this summary, so the summary is left out as a copy. But a quotation replaces "<" and ">",
        # so a summary with one of these is no copy.
        assert feedback.summary is None or "<" in summary or ">" in summary
        assert len(feedback.next_steps) == len(set(feedback.next_steps)) <= 3


@given(texts=st.lists(TEXTS), max_words=st.integers(0, 40), max_bytes=st.integers(0, 200))
def test_the_last_words_stay_within_their_bounds(texts: list[str], max_words: int, max_bytes: int) -> None:
    kept = last_words(texts, max_words=max_words, max_bytes=max_bytes)
    words = " ".join(kept).split()
    assert len(words) <= max_words
    assert sum(len(word.encode()) + 1 for word in words) <= max_bytes


@given(text=st.text(max_size=80), length=st.integers(1, 80))
def test_clipping_keeps_a_beginning(text: str, length: int) -> None:
    clipped = clip(text, length)
    assert len(clipped) <= length
    assert clipped == text or (clipped.endswith("…") and text.startswith(clipped[:-1]))
