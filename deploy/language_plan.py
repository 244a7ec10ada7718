"""Chooses the voice to practise a language with, on a machine without a GPU.

Kokoro's voices come from PyPI and npm, but need a quick machine. Piper's voices need a model hub. They are several
times as fast, and there are more languages.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace

from common.languages import base
from deploy.machine_speed import MachineSpeed, machine_speed
from deploy.profile_cost import COMFORTABLE_S, COSTS, first_sound_s
from tts_service.engines.kokoro import LANGUAGES

PIPER: Mapping[str, str] = {
    "ca": "ca_ES-upc_ona-medium",
    "da": "da_DK-talesyntese-medium",
    "de": "de_DE-thorsten-medium",
    "es": "es_ES-davefx-medium",
    "fr": "fr_FR-siwis-medium",
    "hu": "hu_HU-anna-medium",
    "it": "it_IT-paola-medium",
    "nb": "no_NO-talesyntese-medium",
    "nl": "nl_NL-pim-medium",
    "no": "no_NO-talesyntese-medium",
    "pl": "pl_PL-gosia-medium",
    "pt": "pt_BR-faber-medium",
    "ro": "ro_RO-mihai-medium",
    "ru": "ru_RU-irina-medium",
    "sk": "sk_SK-lili-medium",
    "sl": "sl_SI-artur-medium",
    "sr": "sr_RS-serbski_institut-medium",
    "sv": "sv_SE-nst-medium",
}
"""Language → a voice of rhasspy/piper-voices. There are more languages and voices."""
KOKORO = tuple(dict.fromkeys(tag.partition("-")[0] for tag, _ in LANGUAGES.values()))
"""The languages of Kokoro's voices."""
_HUB_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice for a language. take: the command that runs it. first_sound_s: the estimated seconds from the end of a
    turn to the first sound; None: this machine was not measured."""

    name: str
    take: str
    first_sound_s: float | None

    @property
    def is_quick(self) -> bool:
        """Whether a conversation is comfortable with it."""
        return self.first_sound_s is not None and self.first_sound_s <= COMFORTABLE_S


def voices_for(language: str, bundled: MachineSpeed | None, *, has_hub: bool) -> list[Voice]:
    """The voices for a language, the best one for this machine first: Kokoro's if it is quick enough, else Piper's.

    language: without its region. bundled: the measured speed of the bundled models.
    """
    cost = COSTS["languages"]
    here = cost.here(bundled) if bundled else None
    found = []
    if language in KOKORO:
        found.append(Voice("Kokoro", "make run PROFILE=languages", _wait(here)))
    if has_hub and (name := PIPER.get(language)):
        # the bundled voice is Piper's, too, so the others take as long
        piper_here = replace(here, speech=bundled.speech) if here and bundled else None
        piper = Voice(f"Piper ({name})", f"make run PROFILE=languages TTS_MODEL_NAME={name}", _wait(piper_here))
        found.insert(len(found) if found and found[0].is_quick else 0, piper)
    return found


def _wait(speed: MachineSpeed | None) -> float | None:
    return first_sound_s(speed) if speed else None


def written(language: str, voices: list[Voice], *, has_hub: bool) -> str:
    """The voices as text for people."""
    if not voices:
        listed = ", ".join(sorted({*KOKORO, *(PIPER if has_hub else ())}))
        no_hub = "" if has_hub else "; Piper's voices need a model hub, which can't be reached (HF_ENDPOINT)"
        return f"no voice is known for {language!r}; there are voices for {listed}{no_hub}"
    lines = [f"the voice for {language!r} on this machine: {voices[0].name}: {voices[0].take}"]
    lines += [
        f"  {voice.name}: the first sound comes about {voice.first_sound_s:.1f} s after a turn"
        for voice in voices
        if voice.first_sound_s is not None
    ]
    if not voices[0].is_quick and voices[0].first_sound_s is not None:
        lines.append(f"  more than {COMFORTABLE_S:g} s is a long pause, so take a faster machine if you can")
    if not has_hub:
        lines.append("  Piper's voices are faster, but need a model hub, which can't be reached (HF_ENDPOINT)")
    return "\n".join(lines)


def hub_answers(environment: Mapping[str, str]) -> bool:
    """Whether the model hub can be reached and may be used."""
    if environment.get("HF_HUB_OFFLINE", "0").lower() not in {"", "0", "false", "no", "off"}:
        return False
    address = environment.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=_HUB_WITHIN_S):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True  # it answers
    except (OSError, ValueError):
        return False


def print_language_plan(language: str) -> None:
    """Measure this machine, and print the voice to take."""
    has_hub = hub_answers(os.environ)
    spoken = base(language)
    print(written(spoken, voices_for(spoken, machine_speed(os.environ), has_hub=has_hub), has_hub=has_hub))
