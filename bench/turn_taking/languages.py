"""Utterances in other languages, spoken by Kokoro's voices: complete, and with a hesitation at the mark.

They are too few to tune anything; they show how the rules do beyond English. There is no German voice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import soxr

from bench.turn_taking.utterances import RATE, SEED, Audio, Utterance, staged, trimmed
from tests.support.tts_engines import engine_settings
from tts_service.engines import build
from tts_service.engines.kokoro_files import KOKORO


@dataclass(frozen=True)
class Language:
    """`|` marks a place where a learner may stop to think. filler: the sound of hesitation."""

    voices: tuple[str, ...]
    filler: str
    sentences: tuple[str, ...]
    complete: tuple[str, ...]


LANGUAGES = {
    "es": Language(
        ("ef_dora", "em_alex"),
        "eh",
        (
            "Ayer fui al | mercado con mi hermana.",
            "Estudio español desde hace dos años porque | quiero trabajar en el extranjero.",
            "Mi hermano trabaja de | médico en un hospital grande.",
            "Me gusta esta ciudad, pero | los inviernos son muy fríos.",
            "Creo que lo más importante es | practicar todos los días.",
            "Estoy buscando un | regalo para mi madre.",
        ),
        ("Sí, claro.", "Muy bien, gracias.", "No lo sé.", "¿Cuánto cuesta?"),
    ),
    "fr": Language(
        ("ff_siwis",),
        "euh",
        (
            "Hier, je suis allé au | marché avec ma sœur.",
            "J'apprends le français depuis deux ans parce que | je veux travailler à l'étranger.",
            "Mon frère travaille comme | médecin dans un grand hôpital.",
            "J'aime cette ville, mais | les hivers sont très froids.",
            "Je pense que le plus important, c'est de | pratiquer tous les jours.",
            "Je cherche un | cadeau pour ma mère.",
        ),
        ("Oui, bien sûr.", "Très bien, merci.", "Je ne sais pas.", "Combien ça coûte ?"),
    ),
    "it": Language(
        ("if_sara", "im_nicola"),
        "ehm",
        (
            "Ieri sono andato al | mercato con mia sorella.",
            "Studio l'italiano da due anni perché | voglio lavorare all'estero.",
            "Mio fratello lavora come | medico in un grande ospedale.",
            "Mi piace questa città, ma | gli inverni sono molto freddi.",
            "Penso che la cosa più importante sia | fare pratica ogni giorno.",
            "Sto cercando un | regalo per mia madre.",
        ),
        ("Sì, certo.", "Molto bene, grazie.", "Non lo so.", "Quanto costa?"),
    ),
    "pt": Language(
        ("pf_dora", "pm_alex"),
        "hum",
        (
            "Ontem eu fui ao | mercado com a minha irmã.",
            "Estudo português há dois anos porque | quero trabalhar no exterior.",
            "Meu irmão trabalha como | médico em um hospital grande.",
            "Gosto desta cidade, mas | os invernos são muito frios.",
            "Acho que o mais importante é | praticar todos os dias.",
            "Estou procurando um | presente para a minha mãe.",
        ),
        ("Sim, claro.", "Muito bem, obrigado.", "Não sei.", "Quanto custa?"),
    ),
}
Say = Callable[[str, str], Audio]


def make_in(language: str, models: Path, spoken: Path) -> list[Utterance]:
    """The utterances of a key of LANGUAGES. models: the folder of Kokoro's files. spoken: where the speech is kept."""
    return list(_utterances(language, _speaker(models, spoken)))


def _utterances(language: str, say: Say) -> Iterator[Utterance]:
    told = LANGUAGES[language]
    for i, marked in enumerate((*told.sentences, *told.complete)):
        choice = random.Random(f"{SEED} {marked}")
        voice = choice.choice(told.voices)
        whole = say(voice, marked.replace("| ", ""))
        yield staged(f"{language}-whole-{i}", "whole", False, whole, None, choice)
        if "|" in marked:
            first, rest = (part.strip() for part in marked.split("|"))
            for kind, before in (("comma", f"{first},"), ("filler", f"{first}, {told.filler},")):
                yield staged(f"{language}-{kind}-{i}", kind, False, say(voice, before), say(voice, rest), choice)


def _speaker(models: Path, spoken: Path) -> Say:
    """Kokoro, which is slow: each text is spoken once and kept as a file."""
    engine = build(engine_settings(models_cache_dir=models), KOKORO)
    engine.load()
    voices = {voice.id: voice for voice in engine.voices()}
    spoken.mkdir(parents=True, exist_ok=True)

    def say(voice: str, text: str) -> Audio:
        path = spoken / f"{voice}-{sha256(text.encode()).hexdigest()[:16]}.npy"
        if not path.exists():
            pieces = engine.synthesize(text, voice=voices[voice], speed=1.0, language="")
            at_24k = np.concatenate([piece.pcm for piece in pieces])
            np.save(path, trimmed(np.asarray(soxr.resample(at_24k, 24_000, RATE), np.float32)))
        loaded: Audio = np.load(path)
        return loaded

    return say
