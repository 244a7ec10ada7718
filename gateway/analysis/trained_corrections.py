"""Corrections by the bundled language model.

The model is too small for the question that larger models get (`corrections_question`). But it was trained to write an
English sentence again without its mistakes (`training/corrections/`). It gets one sentence at a time, in the form in
which it was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateway.analysis.answers import answering, patiently
from gateway.languages.names import language_name
from gateway.ports import ChatMessage, Llm

SYSTEM = "Correct the sentence."

# A correction whose least likely token is less likely than this is not believed: it is too often wrong.
LEAST_CERTAINTY = 0.6
_TOKENS_PER_BYTE = 0.6  # room for the corrected sentence; English needs half as many tokens


def is_trained_for(llm: Llm, language: str) -> bool:
    """Whether the model was trained to correct sentences of this language."""
    return llm.is_trained_to_correct and language_name(language) == "English"


def trained_question(sentence: str) -> list[ChatMessage]:
    """The question about one sentence. The answer is the sentence without its mistakes."""
    return [ChatMessage("system", SYSTEM), ChatMessage("user", sentence)]


async def rewrite_each(sentences: Sequence[str], llm: Llm, *, timeout_s: float, gives_way: bool = False) -> list[str]:
    """Each sentence as the model writes it again, or as it is if the model is not sure. timeout_s: for all of them.
    Raises NoAnswerError."""
    async with answering(timeout_s):
        return [await _rewrite(sentence, llm, gives_way=gives_way) for sentence in sentences]


async def _rewrite(sentence: str, llm: Llm, *, gives_way: bool) -> str:
    max_tokens = int(20 + _TOKENS_PER_BYTE * len(sentence.encode(errors="replace")))
    asked = partial(llm.rewrite, trained_question(sentence), max_tokens=max_tokens, gives_way=gives_way)
    written = await patiently(asked, gives_way=gives_way)
    return written.text if written.certainty >= LEAST_CERTAINTY else sentence
