"""Spoken conversations through the whole mesh on PROFILE=languages, in Spanish and in French.

Recognition, replies, speech and analysis are in that language. Prints the milliseconds of each stage, the share of
misheard words, and the memory of each process.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from common.grpc_client import open_channel
from gateway.analysis import analyse
from gateway.clients.llm import GrpcLlm, LlmModel
from gateway.history import LearnerTurn, PartnerTurn, Turn
from tests.languages.conftest import Speaker, words_misheard
from tests.languages.in_person import in_person
from tests.support.asr import Pcm
from tests.support.mesh import Mesh

# ruff: noqa: SIM905  a list of words reads better as one string


@dataclass(frozen=True)
class Practice:
    """A voice, the sentences that a learner says with it (at least 48 words), and frequent words of the language that
    English doesn't have."""

    language: str
    voice: str
    lines: tuple[str, ...]
    partner: str
    function_words: frozenset[str]


PRACTICES = (
    Practice(
        "es",
        "ef_dora",
        (
            "Ayer fui al mercado con mi hermana y compramos pan, queso y unas manzanas.",
            "Me gusta mucho la fruta, sobre todo las naranjas y las manzanas.",
            "El sábado por la tarde vamos a preparar una cena para nuestros amigos.",
            "Mi hermana quiere hacer una tarta de chocolate, pero yo prefiero el helado.",
        ),
        "¡Qué bien! ¿Y qué más?",
        frozenset(
            "el la los las y con por para muy qué cómo está es un una te tú tu gusta más lo de del al su se que".split()
        ),
    ),
    Practice(
        "fr",
        "ff_siwis",
        (
            "Hier, je suis allé au marché avec ma sœur et nous avons acheté du pain.",
            "J'aime beaucoup les fruits, surtout les pommes et les oranges.",
            "Samedi soir, nous allons préparer un dîner pour nos amis.",
            "Ma sœur veut faire un gâteau au chocolat, mais moi, je préfère la glace.",
        ),
        "C'est super ! Et quoi d'autre ?",
        frozenset(
            """
            le la les et avec pour très est un une vous je tu de des dans du au aux ce qui que pas votre vos ta ton ou
            pourquoi
            """.split()
        ),
    ),
)
ENGLISH = frozenset("the and with for very is you i of in to it that this what how are your my was".split())


def is_in(practice: Practice, text: str) -> bool:
    """Whether more of the text's function words are of this language than of English."""
    words = re.findall(r"\w+", text.lower())
    ours = sum(word in practice.function_words for word in words)
    return ours > sum(word in ENGLISH for word in words)


def as_pcm(speech: NDArray[np.float32]) -> Pcm:
    return (np.clip(speech, -1, 1) * 32767).astype(np.int16)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("practice", PRACTICES, ids=lambda one: one.language)
async def test_a_conversation_in_another_language(languages_mesh: Mesh, speaker: Speaker, practice: Practice) -> None:
    understood, written, heard = [], [], []
    async with in_person(languages_mesh.ws, level="beginner", language=practice.language) as person:
        messages = person.learner.messages
        for line in practice.lines:
            speech = await asyncio.to_thread(speaker.say, line, practice.voice)
            after = len(messages)
            await person.say(as_pcm(speech))
            text, sound, over = await person.hear_reply(after=after, timeout_s=240)
            finals = [m["text"] for m in messages[after:] if m["type"] == "transcript" and m["is_final"]]
            understood.append(" ".join(finals))
            heard.append(await asyncio.to_thread(speaker.understand, sound, practice.language))
            written.append(text)
            print(practice.language, over["latency_ms"], line, "→", understood[-1], "|", text, "|", heard[-1])
        document = (await person.end(timeout_s=300))["data"]
    async with httpx.AsyncClient(base_url=languages_mesh.http) as http:
        print({name: one["memory_bytes"] // 10**6 for name, one in (await http.get("/gpu")).json()["services"].items()})
    lines, partner_words = list(practice.lines), sum(len(text.split()) for text in written)
    ours, theirs = words_misheard(lines, understood), speaker.errors(written, heard, practice.language)
    print(f"{practice.language}: misheard {ours:.1%} of the learner's words, {theirs:.1%} of {partner_words} partner's")
    assert ours <= 0.1, understood
    assert theirs <= 0.15, list(zip(written, heard, strict=True))
    assert all(is_in(practice, reply) for reply in written), written
    assert document["conversation"]["language"] == practice.language
    print(practice.language, "summary:", document["summary"], document["unavailable"])
    if "summary" not in document["unavailable"]:  # on a slow machine, the model doesn't finish it in time
        assert is_in(practice, document["summary"]), document["summary"]


@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("practice", PRACTICES, ids=lambda one: one.language)
async def test_the_analysis_is_in_the_language(languages_mesh: Mesh, practice: Practice) -> None:
    turns: list[Turn] = []
    for number, line in enumerate(practice.lines):
        turns.append(LearnerTurn(turn_id=f"l{number}", text=line, started_s=10.0 * number, typed=True))
        said = {"text": practice.partner, "generated_text": practice.partner}
        turns.append(PartnerTurn(turn_id=f"p{number}", started_s=10.0 * number + 5, **said))
    async with open_channel(f"127.0.0.1:{languages_mesh.settings['LLM_PORT']}") as channel:
        llm = GrpcLlm(channel, lambda: LlmModel(parameters=1_500_000_000))
        stages = analyse(turns, level="beginner", language=practice.language, duration_s=40, llm=llm, timeout_s=1_200)
        *_, analysis = [stage.analysis async for stage in stages]
    print(practice.language, analysis.summary, analysis.next_steps, analysis.unavailable)
    assert analysis.summary
    assert is_in(practice, analysis.summary), analysis.summary
    assert is_in(practice, " ".join(analysis.next_steps)), analysis.next_steps
