"""Corrections by the bundled language model.

The model is too small for the question that larger models get (`corrections_question`). But it was trained to write an
English sentence again without its mistakes (`training/corrections/`). It gets one sentence at a time, in the form in
which it was trained.
"""

from __future__ import annotations

from functools import partial

from common.errors import InvalidInputError
from gateway.analysis.answers import NoAnswerError, answering, patiently
from gateway.analysis.remarks import Remark
from gateway.languages.names import language_name
from gateway.ports import ChatMessage, Llm

SYSTEM = "Correct the sentence."

# An answer whose least likely token is less likely than this is not believed (docs/performance.md has the figures).
LEAST_CERTAINTY = 0.6
_PAUSE_S = 0.3  # before a question that gave way to a reply is asked again
_TOKENS_PER_BYTE = 0.6  # room for the corrected sentence; English needs half as many tokens


def is_trained_for(llm: Llm, language: str) -> bool:
    """Whether the model was trained to correct sentences of this language."""
    return llm.is_trained_to_correct and language_name(language) == "English"


def trained_question(sentence: str) -> list[ChatMessage]:
    """The question about one sentence. The answer is the sentence without its mistakes."""
    return [ChatMessage("system", SYSTEM), ChatMessage("user", sentence)]


async def rewrite_one(sentence: str, llm: Llm, *, timeout_s: float, gives_way: bool = False) -> str | None:
    """The sentence as the model writes it again; None if the model is not sure.

    gives_way: the question is given up as soon as a reply to a learner needs the model; otherwise it is asked again
    then. Raises NoAnswerError.
    """
    max_tokens = int(20 + _TOKENS_PER_BYTE * len(sentence.encode(errors="replace")))
    asked = partial(llm.rewrite, trained_question(sentence), max_tokens=max_tokens)
    async with answering(timeout_s):
        try:
            written = await patiently(asked, gives_way=gives_way, pause_s=_PAUSE_S)
        except InvalidInputError as error:  # the service has another model by now
            raise NoAnswerError(Remark("too_small_for_mistakes")) from error
    return written.text if written.certainty >= LEAST_CERTAINTY else None
