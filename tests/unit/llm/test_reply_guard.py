"""Which part of a reply the guard lets through, and how it ends a reply.

A reply that the guard doesn't end is the same however the text is cut into pieces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.engine import Message
from llm_service.reply_guard import Limits, Outcome, ReplyGuard


def guarded(
    text: str,
    *learner_and_partner: str,
    pieces: Sequence[str] | None = None,
    cut_off: bool = False,
    max_tokens: int = 100,
    max_sentences: int = 0,
    ends_with_question: bool = False,
) -> tuple[str, Outcome | None]:
    """The reply as it is spoken, and why the guard ended it (None: the guard did not).

    learner_and_partner: the earlier turns, alternating.
    """
    messages = [
        Message("assistant" if number % 2 else "user", said)
        for number, said in enumerate(learner_and_partner or ("Hi.",))
    ]
    guard = ReplyGuard(messages, Limits(max_tokens, max_sentences, ends_with_question))
    out = []
    for piece in pieces or re.findall(r"\s*\S+", text):
        out.append(guard.push(piece))
        if guard.outcome:
            return "".join(out).strip(), guard.outcome
    out.append(guard.finish(cut_off=cut_off))
    return "".join(out).strip(), guard.outcome


@pytest.mark.parametrize(
    "text",
    [
        "That is very, very good! Do you like red apples, green apples, and yellow apples?",
        "No, no, no! I mean the blue one.",
        "I love the beach. Do you love the beach, too?",
        "Yes. Yes. I see.",
        "One apple, two apples, three apples. How many are four and five?",
        "There is a cat, there is a dog, and there is a small bird. Which one do you like?",
        "I saw Dr. Smith at the U.S. embassy at 3.30 p.m. yesterday. He said hello.",
        "I go. I go to school. I go to school every day. I go to school every day by bus.",
        "我喜欢茶。你喜欢什么？",
        "我喜欢茶。我喜欢水果。我喜欢书。",
        "मुझे चाय पसंद है। मुझे फल पसंद हैं। आपको क्या पसंद है?",
        "हाँ, बिल्कुल! बार-बार आना। बिल्कुल, बिल्कुल!",
        "أحب الشاي. ماذا تحب؟",
        "Hello",
        "Well – I think so; it's late…",
    ],
)
def test_deliberate_repetition_passes(text: str) -> None:
    assert guarded(text) == (text, None)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("I like green tea. I like green tea. Do you?", "I like green tea."),
        ("My home is big. It is old. My home is big. It is old.", "My home is big. It is old."),
        (
            "Yes, I walk in the park, and my dog walks in the park, and my dog walks in the park, and so on",
            "Yes, I walk in the park, and my dog walks in the park.",
        ),
        ("Oh, good, and then and then and then and then and then and then", "Oh, good, …"),
        (
            "There is a bird in the tree. There is a cat in the garden. There is a dog in the street.",
            "There is a bird in the tree. There is a cat in the garden.",
        ),
        (
            "You can go home. Or you can go out. Then, when it is late, you can go to bed.",
            "You can go home. Or you can go out. Then, when it is late.",
        ),
        (
            "I'm going to talk to them. And I'm going to tell them, and I'm going to give them a smile.",
            "I'm going to talk to them. And I'm going to tell them.",
        ),
        ("我喜欢喝绿茶。我喜欢喝绿茶。你呢？", "我喜欢喝绿茶。"),
        ("¡Qué bien! Me gusta el café. Me gusta el café. ¿Y a ti?", "¡Qué bien! Me gusta el café."),
    ],
)
def test_a_reply_that_repeats_itself_ends_at_its_last_good_sentence(text: str, spoken: str) -> None:
    assert guarded(text) == (spoken, Outcome.REPEATED)


def test_an_earlier_reply_is_not_recited() -> None:
    before = ("I like tea.", "How lovely! What kind of tea do you like?", "Green tea.")
    text = "Green tea is good. What kind of tea do you like? Tell me more."
    assert guarded(text, *before) == ("Green tea is good.", Outcome.RECITED)


def test_a_recital_at_the_beginning_is_left_out_and_the_rest_is_spoken() -> None:
    before = ("I like tea.", "What kind of tea do you like?", "Green tea.")
    assert guarded("What kind of tea do you like? Is it hot?", *before) == ("Is it hot?", None)


def test_a_first_clause_does_not_wait_beyond_its_own_end() -> None:
    messages = [
        Message("user", "Hi."),
        Message("assistant", "You are so lucky, I love the sea!"),
        Message("user", "So."),
    ]
    guard = ReplyGuard(messages, Limits(100))
    assert guard.push("You are so") == ""
    assert guard.push(" lucky, ") == "You are so lucky, "
    assert guard.push("I love tea. ") == "I love tea. "


@pytest.mark.parametrize("pieces", [None, ["You are so lucky, I love the sea! ", "You are so lucky, I love the sea! "]])
def test_a_recital_whose_first_clause_is_out_is_said_once(pieces: list[str] | None) -> None:
    said = "You are so lucky, I love the sea!"
    assert guarded(f"{said} {said}", "Hi.", said, "So.", pieces=pieces) == (said, Outcome.REPEATED)


def test_a_reply_that_only_recites_is_still_spoken() -> None:
    before = ("I like tea.", "What kind of tea do you like?", "Green tea.")
    assert guarded("What kind of tea do you like?", *before)[0] == "What kind of tea do you like?"


def test_short_sentences_may_come_again_in_a_later_reply() -> None:
    before = ("I like tea.", "That's great! And you?", "Me too.")
    assert guarded("That's great! And you?", *before) == ("That's great! And you?", None)


@pytest.mark.parametrize(
    "learner",
    [
        "Can you say that again?",
        "What?",
        "Tell me about your dog again.",
        "Sorry, I don't understand.",
        "¿Puedes repetir?",
        "もう一度お願いします",
        "I like tea.",
    ],
)
def test_a_learner_who_asks_again_hears_it_again(learner: str) -> None:
    before = ("I like tea.", "What kind of tea do you like?", learner)
    assert guarded("What kind of tea do you like?", *before) == ("What kind of tea do you like?", None)


@pytest.mark.parametrize(
    "learner",
    [
        "Then again, people said the same about novels.",
        "The playground has become noisy again.",
        "I don't get up early.",
        "The bus is slow, and I like this song.",
        "I practise the piano.",
    ],
)
def test_talk_that_only_sounds_like_a_request_to_repeat(learner: str) -> None:
    said = "It is a fine thing. It is a fine day. It is a fine town."
    assert guarded(said, learner) == ("It is a fine thing. It is a fine day.", Outcome.REPEATED)


def test_a_refrain_that_is_asked_for_is_sung() -> None:
    song = "Row, row, row your boat. Merrily we go. Row, row, row your boat. Merrily we go."
    assert guarded(song, "Please sing me a song!") == (song, None)


def test_it_does_not_write_the_learners_words() -> None:
    assert guarded("I see. User: And you? Assistant: Me too.") == ("I see.", Outcome.BOTH_SIDES)


@pytest.mark.parametrize(
    ("text", "limits", "spoken"),
    [
        ("One is here. Two is there. Three is gone.", {"max_sentences": 2}, "One is here. Two is there."),
        ("I see. What do you eat? I eat bread.", {"ends_with_question": True}, "I see. What do you eat?"),
        ("यह अच्छा है। आप क्या खाते हैं? मैं रोटी खाता हूँ।", {"ends_with_question": True}, "यह अच्छा है। आप क्या खाते हैं?"),
        ("यह अच्छा है। यह बाज़ार है। और कुछ", {"max_sentences": 2}, "यह अच्छा है। यह बाज़ार है।"),
        ("This is one sentence. This is the next one, and here it ends. No more.", {"max_tokens": 30}, None),
    ],
)
def test_a_reply_ends_with_a_sentence_within_its_limits(text: str, limits: dict[str, int], spoken: str | None) -> None:
    said, outcome = guarded(text, **limits)  # type: ignore[arg-type]
    assert outcome is Outcome.LONG
    assert said == (spoken or "This is one sentence. This is the next one, and here it ends.")


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("I saw him. He said hello to", "I saw him."),
        ("I went to the sea, and there I met a friend, who said that", "I went to the sea, and there I met a friend."),
        ("मैंने उसे देखा। उसने मुझसे कहा कि", "मैंने उसे देखा।"),
        ("I once went to the sea where I", "I once went to the sea where I…"),
    ],
)
def test_a_reply_that_reaches_its_limit_does_not_stop_in_mid_clause(text: str, spoken: str) -> None:
    assert guarded(text, cut_off=True) == (spoken, Outcome.LONG)


def test_the_first_clause_is_spoken_as_it_comes() -> None:
    guard = ReplyGuard([Message("user", "Hi.")], Limits(100))
    words = ["Oh", ", hello", " there", ", my", " friend", "."]
    assert [guard.push(word) for word in words[:4]] == ["Oh", ", hello", " there", ", "]


WORDS = ["I", "you", "like", "tea", "green", "and", "the,", "Well,", "dog.", "cat?", "yes!", "Dr.", "no;", "–", "茶。"]


@given(st.lists(st.sampled_from([*WORDS, "\n"]), min_size=1, max_size=40), st.data())
def test_the_spoken_text_does_not_depend_on_how_the_text_arrives(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=12)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True) if text[start:end]]
    limits = {"max_tokens": 10_000, "max_sentences": 6}
    spoken, outcome = guarded(text, pieces=pieces, **limits)  # type: ignore[arg-type]
    whole, _ = guarded(text, pieces=[text], **limits)  # type: ignore[arg-type]
    if outcome is None:
        assert spoken == whole


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=60), st.booleans(), st.integers(1, 40))
def test_a_spoken_reply_has_an_end_and_no_sentence_twice(words: list[str], cut_off: bool, max_tokens: int) -> None:
    spoken, outcome = guarded(" ".join(words), cut_off=cut_off, max_tokens=max_tokens)
    if outcome in {Outcome.LONG, Outcome.REPEATED} and spoken:
        assert spoken[-1] in ".?!…。"
