"""LocalAgreement: stable text is never taken back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asr_service.engine import Word
from asr_service.recognition.local_agreement import LocalAgreement, PartialText


def said(text: str, *, begin: int = 0) -> list[Word]:
    """Words of 100 samples each."""
    return [Word(f" {word}", begin + 100 * i, begin + 100 * (i + 1), 1.0) for i, word in enumerate(text.split())]


def test_words_on_which_two_decodes_agree_are_stable() -> None:
    agreement = LocalAgreement()
    assert agreement.add(said("I want")) == PartialText("", "I want")
    assert agreement.add(said("I went to the")) == PartialText("I", " went to the")
    assert agreement.add(said("I went to the market")) == PartialText("I went to the", " market")
    assert agreement.agreed_end == 400


def test_capitals_and_commas_do_not_matter() -> None:
    agreement = LocalAgreement()
    agreement.add(said("Well, I"))
    assert agreement.add(said("well I think")) == PartialText("well I", " think")


def test_a_later_decode_cannot_change_what_is_stable() -> None:
    agreement = LocalAgreement()
    agreement.add(said("ever tried"))
    agreement.add(said("ever tried"))
    assert agreement.add(said("never cried ever failed")) == PartialText("ever tried", " ever failed")


def test_later_decodes_need_not_cover_what_is_stable() -> None:
    agreement = LocalAgreement()
    agreement.add(said("one two three"))
    agreement.add(said("one two three four"))
    assert agreement.add(said("four five", begin=300)) == PartialText("one two three four", " five")


def test_an_empty_decode_keeps_what_is_stable() -> None:
    agreement = LocalAgreement()
    agreement.add(said("one"))
    agreement.add(said("one"))
    assert agreement.add([]) == PartialText("one", "")


words = st.builds(
    lambda text, start, length: Word(text, start, start + length, 0.5),
    st.text(min_size=1, max_size=5),
    st.integers(0, 2_000),
    st.integers(0, 300),
)


@given(st.lists(st.lists(words, max_size=8), max_size=12))
def test_whatever_the_decodes_say_the_stable_text_only_grows(hypotheses: list[list[Word]]) -> None:
    agreement, stable, end = LocalAgreement(), "", 0
    for hypothesis in hypotheses:
        text = agreement.add(hypothesis)
        assert text.stable.startswith(stable)
        assert agreement.agreed_end >= end
        stable, end = text.stable, agreement.agreed_end


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=20), st.data())
def test_a_growing_utterance_becomes_stable_whole(spoken: list[str], data: st.DataObject) -> None:
    agreement = LocalAgreement()
    lengths = sorted(data.draw(st.lists(st.integers(0, len(spoken)), max_size=5)))
    for length in [*lengths, len(spoken), len(spoken)]:
        text = agreement.add(said(" ".join(spoken[:length])))
    assert text == PartialText(" ".join(spoken), "")
