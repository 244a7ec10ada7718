"""Analyses for the page to show. They are made with the document's own models, so they follow its changes."""

from __future__ import annotations

from typing import Any

from gateway.analysis import document as d
from gateway.analysis.remarks import Remark

TURNS = (
    ("learner", 1.2, 6.4, 19, False), ("partner", 8.3, 7.1, 21, False), ("learner", 17.0, 11.2, 31, False),
    ("partner", 29.4, 5.0, 14, True), ("learner", 34.1, 3.9, 12, False), ("partner", 39.6, 9.8, 28, False),
    ("learner", 52.0, 0.0, 6, False), ("partner", 53.1, 6.2, 17, False), ("learner", 61.5, 14.7, 38, False),
    ("partner", 78.0, 4.4, 12, False),
)  # fmt: skip

SIGNS = (
    Remark("speech_rate_or_above", rate=118, level="B2"),
    Remark("turn_length", words=21.2, level="C1"),
    Remark("variety", percent=71, level="B1"),
    Remark("mistakes", rate=4.7, level="B2"),
)
IMPRESSION = "The model thinks: B1. You tell short stories."


def sample_analysis() -> dict[str, Any]:
    return d.Analysis(
        conversation=d.Conversation(
            language="en", level="intermediate", duration_s=84.0, learner_turns=5, typed_turns=1, partner_turns=5,
            interruptions=1,
        ),
        summary="You talked about a weekend by the sea with your sister, what you cooked there, and where you would "
        "like to travel next. You kept the conversation going and asked two questions of your own.",
        cefr=d.Cefr(
            estimate="B1",
            confidence="medium",
            evidence=(*SIGNS, IMPRESSION),
            evidence_codes=(*map(d.Told.of, SIGNS), None),
        ),
        fluency=_fluency(),
        vocabulary=_vocabulary(),
        grammar=_grammar(),
        next_steps=(
            "Tell a short story about your last holiday, using only past tenses.",
            "Practise “have you ever …?” questions; you asked two good ones today.",
        ),
        timeline=tuple(_turn(i, *turn) for i, turn in enumerate(TURNS)),
        unavailable={},
    ).model_dump(mode="json")  # fmt: skip


def sparse_analysis() -> dict[str, Any]:
    """The sample without what the language model writes, and with too few words for a CEFR level."""
    away = "The language model could not be reached, so this part is missing."
    few = Remark("too_few_words", count=12, needed=50)
    full = d.Analysis.model_validate(sample_analysis())
    changes = {
        "summary": None,
        "cefr": d.Cefr(estimate=None, confidence=None, evidence=()),
        "grammar": d.Grammar(corrections=(), words_checked=0, corrections_per_100_words=None),
        "next_steps": (),
        "unavailable": {"summary": away, "grammar": away, "next_steps": away, "cefr": few},
        "unavailable_codes": {"cefr": d.Told.of(few)},
    }  # fmt: skip
    return full.model_copy(update=changes).model_dump(mode="json")


def _fluency() -> d.Fluency:
    return d.Fluency(
        turns=4, words=100, speaking_time_s=36.2, words_per_minute=118.4, articulation_rate_wpm=141.0,
        mean_words_per_turn=25.0, share_of_talk=0.53, mean_response_time_s=1.6,
        pauses=d.Pauses(count=9, total_s=5.9, mean_s=0.66, longest_s=1.4, per_minute=14.9),
        fillers=d.Fillers(count=5, per_100_words=5.0, by_filler={"um": 3, "you know": 2}),
    )  # fmt: skip


def _vocabulary() -> d.Vocabulary:
    bands = (("most_common", 6, 9, 61), ("common", 5, 6, 28), ("less_common", 4, 5, 12), ("rare", 0, 4, 4),
             ("unknown", 0, 0, 1))  # fmt: skip
    return d.Vocabulary(
        unit="word", words=106, distinct_words=64, variety=0.71, mean_words_per_turn=21.2,
        rarity=d.Rarity(
            mean_zipf=5.8,
            bands=tuple(
                d.RarityBand.model_validate(
                    {"name": name, "zipf_from": low, "zipf_below": high, "words": n, "distinct_words": n}
                )
                for name, low, high, n in bands
            ),
            rarest_words=tuple(d.RatedWord(word=w, zipf=3.1) for w in ("seagull", "lighthouse", "chowder", "pebble")),
        ),
        words_to_learn=(
            d.WordToLearn(word="breathtaking", zipf=3.6, heard_in="The view must have been breathtaking!"),
            d.WordToLearn(word="recommend", zipf=4.7, heard_in="Which restaurant would you recommend to a friend?"),
        ),
    )  # fmt: skip


def _grammar() -> d.Grammar:
    found = (
        ("I go", "I went", "It is over, so the past tense: go → went.", "Last weekend I go to the sea with my sister."),
        ("many informations", "a lot of information", "“Information” can’t be counted; it has no plural.",
         "The guide gave us many informations about the lighthouse."),
        ("I am agree", "I agree", "“Agree” is a verb of its own.", "Yes, I am agree with you."),
    )  # fmt: skip
    corrections = tuple(
        d.Correction(original=o, corrected=c, why=w, turn_id=f"t{i}", sentence=s)
        for i, (o, c, w, s) in enumerate(found)
    )
    return d.Grammar(corrections=corrections, words_checked=106, corrections_per_100_words=2.8)


def _turn(i: int, role: str, started_s: float, duration_s: float, words: int, interrupted: bool) -> d.TimelineTurn:
    spoken = role == "learner" and duration_s > 5
    pauses = (d.TimelinePause(started_s=started_s + 2.1, duration_s=0.8),) if spoken else ()
    return d.TimelineTurn.model_validate(
        {
            "turn_id": f"t{i}", "role": role, "typed": duration_s == 0, "interrupted": interrupted,
            "started_s": started_s, "duration_s": duration_s, "words": words, "pauses": pauses,
        }
    )  # fmt: skip
