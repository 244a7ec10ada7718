"""`make bench-corrections`: measures how well a language model corrects learners' sentences with the analysis's own
question.

Each sentence of a JFLEG folder (dev.src; the folder's README says where it comes from) goes to the model in that
question. Only corrections that the analysis accepts count; other sentences stay as they are. None of the sentences is
stored. The model is that of LLM_MODEL_NAME, run as the language model service runs it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.gleu import corpus_gleu
from common.errors import ServiceError
from common.small_models import is_small
from gateway.analysis.answers import NoAnswerError
from gateway.analysis.grammar import Sentence, can_be_asked, pieces_of, rewrite, rule_corrections
from gateway.clients.llm import CORRECTIONS_ADAPTER
from gateway.ports import ChatMessage, Rewriting
from gateway.tools import NO_TOOLS, ToolUse
from llm_service.config import LlmSettings
from llm_service.engine import Delta, Done, GenerationRequest, LlmEngine, Message
from llm_service.engines import create_engine
from tests.support.generating_llm import GeneratingLlm

REFERENCES = 4
TIMEOUT_S = 600.0


class EngineLlm(GeneratingLlm):
    """The gateway's port `Llm` over an engine in this process."""

    def __init__(self, engine: LlmEngine) -> None:
        self.engine = engine

    @property
    def is_small(self) -> bool:
        """Gives the same answer as the gateway's own client."""
        return is_small(self.engine.describe().parameters)

    @property
    def is_trained_to_correct(self) -> bool:
        """Gives the same answer as the gateway's own client."""
        return CORRECTIONS_ADAPTER in self.engine.describe().adapters

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_schema: str | None = None,
        gives_way: bool = False,
        tools: ToolUse = NO_TOOLS,
    ) -> str:
        request = GenerationRequest(
            messages=tuple(Message(message.role, message.content) for message in messages),
            max_tokens=max_tokens or 256,
            temperature=temperature or 0.0,
            json_schema=json_schema,
        )
        return "".join([event.text async for event in self.engine.stream(request) if isinstance(event, Delta)])

    async def rewrite(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> Rewriting:
        request = GenerationRequest(
            messages=tuple(Message(message.role, message.content) for message in messages),
            max_tokens=max_tokens,
            temperature=0.0,
            adapter=CORRECTIONS_ADAPTER,
            with_certainty=True,
        )
        text, certainty = "", 0.0
        async for event in self.engine.stream(request):
            match event:
                case Delta():
                    text += event.text
                case Done():
                    certainty = event.certainty or 0.0
        return Rewriting(text, certainty)


@dataclass(frozen=True)
class Corpus:
    """Tokens of each sentence, and of each of its corrections."""

    sources: list[list[str]]
    references: list[list[list[str]]]

    @classmethod
    def read(cls, folder: Path, first: int | None) -> Corpus:
        """The first sentences of a JFLEG folder. first: how many; None: all."""
        sources = _lines(folder / "dev.src")[:first]
        people = [_lines(folder / f"dev.ref{number}") for number in range(REFERENCES)]
        return cls(sources, [list(own) for own in zip(*people, strict=True)][:first])


@dataclass(frozen=True)
class Figures:
    """usable: the share of answers that the analysis accepts. left_alone: of the sentences that at least one person
    left unchanged, the share that the model also left unchanged."""

    sentences: int
    gleu: float
    doing_nothing: float
    usable: float
    changed: float
    left_alone: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.sentences} sentences, {self.seconds:.0f} s\n"
            f"GLEU                                   {self.gleu:5.1f}   (doing nothing: {self.doing_nothing:.1f})\n"
            f"usable answers                         {self.usable:5.0%}\n"
            f"sentences changed                      {self.changed:5.0%}\n"
            f"right sentences left alone             {self.left_alone:5.0%}"
        )


def figures(corpus: Corpus, answers: Sequence[str | None], seconds: float) -> Figures:
    """The figures of the answers. If an answer is None, the sentence stays as it is."""
    written = [
        source if answer is None else as_tokens(answer, source)
        for source, answer in zip(corpus.sources, answers, strict=True)
    ]
    right = [
        _plain(source) == _plain(ours)
        for source, own, ours in zip(corpus.sources, corpus.references, written, strict=True)
        if _plain(source) in map(_plain, own)
    ]
    changed = [source != ours for source, ours in zip(corpus.sources, written, strict=True)]
    return Figures(
        sentences=len(written),
        gleu=corpus_gleu(corpus.sources, corpus.references, written),
        doing_nothing=corpus_gleu(corpus.sources, corpus.references, corpus.sources),
        usable=sum(answer is not None for answer in answers) / len(answers),
        changed=sum(changed) / len(changed),
        left_alone=sum(right) / len(right) if right else 1.0,
        seconds=seconds,
    )


async def corrected(sentences: Sequence[str], llm: EngineLlm, *, show: bool = False) -> list[str | None]:
    """The model's answers that the analysis accepts, requested in the same pieces as in the analysis. None: not
    accepted."""
    answers: dict[int, str | None] = {}
    for piece in pieces_of([Sentence(text, "") for text in sentences]):
        texts = [sentences[number] for number in piece]
        try:
            rewritten = await rewrite(texts, llm, language="en", timeout_s=TIMEOUT_S)
        except NoAnswerError as error:
            print(f"no answer: {error.reason}", flush=True)
            rewritten = [None] * len(piece)
        for number, text in zip(piece, rewritten, strict=True):
            answers[number] = text
            if show:
                print(f"  {sentences[number]}\n→ {text}", flush=True)
        print(f"{len(answers)} of {len(sentences)}", flush=True)
    return [answers.get(number) for number in range(len(sentences))]


def by_rules(sentence: str) -> str | None:
    """The sentence as corrected by the analysis's rules, without a model; None if they find nothing."""
    text = sentence
    found = rule_corrections(Sentence(sentence, ""), "en")
    for one in found:
        text = text.replace(one.original, one.corrected, 1)
    return text if found else None


def as_text(tokens: Sequence[str]) -> str:
    """A tokenized sentence as people write it."""
    text = re.sub(r" (?=[.,!?;:%)\]]|n['’]t\b|['’](?:s|m|re|ve|ll|d)\b)", "", " ".join(tokens))
    return re.sub(r"([(\[$]) ", r"\1", text)


def as_tokens(text: str, source: Sequence[str]) -> list[str]:
    """A sentence in tokens like JFLEG's. "cannot" stays whole if `source` has it so."""
    text = re.sub(r"(?<=\w)(?=n['’]t\b|['’](?:s|m|re|ve|ll|d)\b)", " ", text, flags=re.IGNORECASE)
    text = re.sub(r"\bcannot\b", "can not", text) if "cannot" not in source else text
    text = re.sub(r"([.!?]+)([\"'”’)]*)$", r" \1 \2", text)
    return re.sub(r"([,;:!?()\[\]\"“”%$])", r" \1 ", text).split()


def _plain(tokens: Sequence[str]) -> str:
    return " ".join(tokens).casefold()


def _lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines()]


async def run(options: argparse.Namespace) -> Figures:
    """Start the model, ask it, and stop it; with --rules-only, only apply the rules."""
    corpus = Corpus.read(options.folder, options.first)
    sentences = [as_text(tokens) for tokens in corpus.sources]
    began = time.monotonic()
    if options.rules_only:
        return figures(corpus, [by_rules(sentence) for sentence in sentences], time.monotonic() - began)
    engine = create_engine(LlmSettings())
    try:
        await engine.start()
        print(f"model: {engine.describe().model}", flush=True)
        began = time.monotonic()
        llm = EngineLlm(engine)
        if not can_be_asked(llm, "en") and not options.ask_small:
            print("the analysis does not ask so small a model for corrections; the figures are those of its rules")
            answers = [by_rules(sentence) for sentence in sentences]
        else:
            answers = await corrected(sentences, llm, show=options.show)
    finally:
        await engine.close()
    return figures(corpus, answers, time.monotonic() - began)


def main() -> None:
    """Run the bench that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.corrections", description=__doc__)
    parser.add_argument("folder", type=Path, help="with dev.src and dev.ref0 to dev.ref3")
    parser.add_argument("--first", type=int, help="how many sentences, from the first on; default: all")
    parser.add_argument("--rules-only", action="store_true", help="without a model: what the analysis' rules find")
    parser.add_argument("--ask-small", action="store_true", help="also ask a model that is too small for the analysis")
    parser.add_argument("--show", action="store_true", help="print each sentence and the correction that is accepted")
    try:
        print(asyncio.run(run(parser.parse_args())))
    except ServiceError as error:
        raise SystemExit(f"the model could not be run: {error.message}") from error


if __name__ == "__main__":
    main()
