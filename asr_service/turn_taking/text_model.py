"""Asks a small language model whether a sentence could end after the words of a turn so far.

A recogniser writes a full stop wherever a voice stops. A language model knows that "I can help you" goes on more often
than "I can help you with your homework". The answer is the probability that the next token is a punctuation mark, the
end of the text, or a word that often follows a whole sentence ("and", "because", "too"). The model is
SmolLM2-135M-Instruct by default. llama.cpp runs it in this process; a question blocks for about 6 ms for each word, on
one core.

The model was made for English, but has read enough of the languages in LANGUAGES to tell "Estoy buscando un" from
"Estoy buscando un regalo". Its answer is the best single sign in those languages, too (docs/turn-taking.md). A
`_BEFORE` in the learner's language did not help.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from common.errors import EngineError
from common.smollm2 import find_smollm2

if TYPE_CHECKING:
    import xllamacpp

LANGUAGES = frozenset(("en", "es", "fr", "it", "pt"))
"""The languages in which the answer helps, as measurements show."""

# Without this text before them, the model takes the words for a title or a list. The text is read once and cached.
_BEFORE = "Hello! Nice to meet you. "
# Earlier words make little difference, and each takes time.
_LAST_WORDS, _LAST_BYTES = 24, 200
_CONTEXT = 256  # tokens; each is at least one byte
_BATCH = 32  # tokens read at once; each needs 0.2 MB for its answer
_MOST_LIKELY = 300  # only this many of the most likely next tokens count
_LAST_MARKS = re.compile(r"[\s.,!?…–—;:-]+$")  # the recogniser's own guess at punctuation, which the model must not see
_WHOLE = re.compile(
    r"\s*([?!\n,]|\.(?!\.)|<\|)|\s*(and|or|but|because|so|when|if|while|since|although|too|now)$", re.IGNORECASE
)


class TextModel(Protocol):
    """A model of this kind; see LlamaTextModel."""

    def infer(self, text: str) -> float:
        """See LlamaTextModel.infer."""
        ...


class LlamaTextModel:
    """A GGUF file (the bundled one by default), run by llama.cpp. For one thread at a time.

    copies: a folder that may contain the bundled model in 8 bits. With LLM_ADAPTER=none the language model's server on
    the same machine uses that copy, and both processes share its memory. Raises EngineError if the model can't be
    loaded.
    """

    def __init__(self, path: Path | None = None, copies: Path | None = None) -> None:
        import xllamacpp

        weights = path or find_smollm2(copies)
        if not weights.is_file():
            raise EngineError(
                f"there is no language model {weights}; set ASR_TEXT_MODEL to a GGUF file, or leave it unset"
            )
        try:
            self._server = xllamacpp.Server(_parameters(weights))
        except RuntimeError as error:
            raise EngineError(f"llama.cpp can't load {weights}: {error}") from error
        # Use the server once. A server that is deleted before its thread has begun to work waits for ever.
        self.infer("Hello")

    def infer(self, text: str) -> float:
        """The probability, 0 to 1, that a sentence may end after the last word of `text`; 0 if there is no word."""
        words = " ".join(_LAST_MARKS.sub("", text).split()[-_LAST_WORDS:])
        words = words.encode()[-_LAST_BYTES:].decode(errors="ignore")
        if not words:
            return 0.0
        answer = self._server.handle_completions(
            {"prompt": _BEFORE + words, "max_tokens": 1, "logprobs": _MOST_LIKELY, "temperature": 0}
        )
        said = answer["choices"][0]["logprobs"]
        if not said:  # the next token would be part of a character
            return 0.0
        (next_token,) = said["content"]
        whole = (token["logprob"] for token in next_token["top_logprobs"] if _WHOLE.match(token["token"]))
        return min(1.0, sum(map(math.exp, whole)))


def _parameters(weights: Path) -> xllamacpp.CommonParams:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.hostnames, params.port = ["127.0.0.1"], 0  # its HTTP server can't be switched off
    params.cors_origins = ""
    params.verbosity = 0  # otherwise it logs to standard output
    params.n_ctx = _CONTEXT
    params.fit_params = False  # otherwise it reads the file twice, to see what fits on a GPU
    params.n_batch = params.n_ubatch = _BATCH
    params.n_parallel = 1
    params.cache_ram_mib = 0  # each question is asked once
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # the other cores serve other streams
    return params
