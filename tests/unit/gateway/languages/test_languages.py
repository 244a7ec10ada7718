"""The languages in which a conversation is possible, and how the WebSocket, the Realtime API and REST refuse others."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from common.errors import InvalidInputError
from gateway.analysis.measurement import measure
from gateway.languages.checks import check_language, check_pair
from gateway.ports import EagerEndOfTurn, EndOfTurn, KnownLanguages
from gateway.protocol import ErrorMessage, TranscriptMessage
from gateway.scenarios import load_library
from tests.support.audio import chirp, wav
from tests.support.conversation import Conversation, one_turn, start, text, transcript
from tests.support.gateway import TestGateway
from tests.support.realtime import realtime

HERE = KnownLanguages(spoken=("en-US", "es", "de-DE"), heard=("en", "es", "fr"))


class Known:
    """Model servers that know these languages."""

    def __init__(self, known: KnownLanguages) -> None:
        self.known = known

    async def languages(self) -> KnownLanguages:
        return self.known


@pytest.mark.parametrize("tag", ["en", "en-GB", "es-MX", "ES"])
def test_a_language_with_voice_and_recognition_is_accepted_in_any_country(tag: str) -> None:
    check_language(tag, HERE)


@pytest.mark.parametrize(
    ("tag", "known", "told"),
    [
        ("xx", HERE, "`language` is 'xx', which is not a language tag; the languages here are en-US, es"),
        ("spanish", HERE, "`language` is 'spanish', which is not a language tag; the languages here are en-US, es"),
        ("", HERE, "`language` is '', which is not a language tag; the languages here are en-US, es"),
        ("xx", KnownLanguages(), "which is not a language tag; send one such as 'en' or 'es-MX'"),
        ("fr", HERE, r"there is no voice for French \('fr'\) here; the languages here are en-US, es"),
        (
            "de-AT",
            HERE,
            r"there is no speech recognition for German \('de-AT'\) here; the languages here are en-US, es",
        ),
        ("es", KnownLanguages(("en-US", "es"), ("en",)), "no speech recognition for Spanish .* here are en-US"),
        ("es", KnownLanguages((), ("en",)), "no speech recognition for Spanish .* here are en"),
        ("es", KnownLanguages(("de",), ("en",)), "no voice for Spanish .* voices speak de, and recognition knows en"),
    ],
)
def test_a_refused_language_is_told_which_there_are(tag: str, known: KnownLanguages, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        check_language(tag, known)


@pytest.mark.parametrize(("tag", "voice"), [("no", "nb-NO"), ("nb", "no-NO"), ("cmn", "zh-CN")])
def test_the_two_tags_of_a_language_are_one_language(tag: str, voice: str) -> None:
    check_language(tag, KnownLanguages(spoken=(voice,), heard=("no", "zh")))


def test_a_server_that_does_not_tell_its_languages_refuses_none() -> None:
    check_language("sw", KnownLanguages())
    check_language("es", KnownLanguages(heard=("es",)))


@pytest.mark.parametrize(
    ("native", "told"), [("es-MX", "'es-MX', which is the language that is practised"), ("xx", "is not a language tag")]
)
def test_an_invalid_pair_of_languages_is_refused(native: str, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        check_pair("es", native)
    check_pair("es", "pt-BR")


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("language", "native", "told"), [("fr", "en", "no voice for French"), ("xx", None, "is not a language tag")]
)
async def test_a_start_in_a_refused_language_is_an_error_and_keeps_the_other_choices(
    language: str, native: str | None, told: str
) -> None:
    talk = Conversation(languages=Known(HERE))
    async with talk.running():
        await talk.post(start(language=language, native_language=native, level="beginner", instructions="A baker."))
    (error,) = talk.of(ErrorMessage)
    assert (error.code, error.retryable) == ("invalid_input", False)
    assert told in error.message
    state = talk.session.state
    assert (state.language, state.native_language, state.level, state.instructions) == (
        "en",
        "",
        "beginner",
        "A baker.",
    )


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("language", "native", "taken"),
    [
        ("es-MX", "fr", ("es-MX", "fr")),
        ("es_ES", "fra", ("es-ES", "fr")),
        ("spa", "pt_BR", ("es", "pt-BR")),
        ("es", "", ("es", "")),
    ],
)
async def test_a_start_in_a_language_that_is_here_is_taken(language: str, native: str, taken: tuple[str, str]) -> None:
    talk = Conversation(languages=Known(HERE))
    async with talk.running():
        await talk.post(start(language=language, native_language=native))
    assert talk.of(ErrorMessage) == []
    assert (talk.session.state.language, talk.session.state.native_language) == taken


@pytest.mark.looptime
async def test_one_error_names_all_choices_that_are_refused_and_the_others_are_taken() -> None:
    talk = Conversation(languages=Known(HERE), scenarios=load_library())
    async with talk.running():
        await talk.post(start(language="es", native_language="es-MX", scenario="cafe", tool_choice="none"))
        await talk.post(start(native_language="fr", instructions="A baker."))
        await talk.post(start(native_language="xx", instructions="A gardener."))
    both, one = talk.of(ErrorMessage)
    assert "the scenario cafe is written in 'en'" in both.message
    assert "`native_language` is 'es-MX'" in both.message
    assert "'xx', which is not a language tag" in one.message
    state = talk.session.state
    assert (state.language, state.native_language, state.instructions) == ("es", "fr", "A gardener.")
    assert state.tool_choice.mode == "none"


@pytest.mark.looptime
async def test_a_scenario_in_a_language_that_is_not_here_is_refused() -> None:
    talk = Conversation(languages=Known(KnownLanguages(("es",), ("es",))), scenarios=load_library())
    async with talk.running():
        await talk.post(start(language="es"))
        await talk.post(start(scenario="cafe"))
    (error,) = talk.of(ErrorMessage)
    assert "no voice for English" in error.message
    assert (talk.session.state.language, talk.session.state.scenario) == ("es", None)


@pytest.mark.looptime
async def test_practising_the_native_language_clears_it() -> None:
    talk = Conversation(languages=Known(HERE))
    async with talk.running():
        await talk.post(start(native_language="es"))
        await talk.post(start(language="es-MX"))
    assert talk.of(ErrorMessage) == []
    assert (talk.session.state.language, talk.session.state.native_language) == ("es-MX", "")


async def test_over_the_realtime_api_the_error_names_the_field() -> None:
    def session(language: str) -> dict[str, Any]:
        return {"session": {"audio": {"input": {"transcription": {"language": language}}}}}

    async with TestGateway(languages=Known(HERE)).running() as gateway, realtime(gateway.http) as client:
        error = await client.error_for("session.update", **session("fr"))
        assert (error["code"], error["param"]) == ("invalid_value", "session.audio.input.transcription.language")
        assert "no voice for French" in error["message"]
        malformed = await client.error_for("session.update", **session("spanish"))
        assert "'spanish', which is not a language tag; the languages here are en-US, es" in malformed["message"]
        await client.update(**session("es_ES")["session"])


async def test_a_key_for_a_realtime_session_is_checked_when_it_is_made_and_when_it_is_used() -> None:
    def in_(language: str, kind: str = "realtime") -> dict[str, Any]:
        return {"session": {"type": kind, "audio": {"input": {"transcription": {"language": language}}}}}

    here = Known(HERE)
    async with TestGateway(languages=here).running() as gateway, httpx.AsyncClient() as http:
        route = f"{gateway.http}/v1/realtime/client_secrets"
        refused = await http.post(route, json=in_("fr"))
        assert (await http.post(route, json=in_("fr", "transcription"))).status_code == 200  # this kind needs no voice
        key = (await http.post(route, json=in_("es"))).json()["value"]
        here.known = KnownLanguages(("en",), ("en",))  # the model servers have changed since
        with pytest.raises(InvalidStatus) as denied:
            await connect(
                f"{gateway.ws.removesuffix('/ws/conversation')}/v1/realtime",
                additional_headers={"Authorization": f"Bearer {key}"},
            )
    assert refused.status_code == denied.value.response.status_code == 400
    for body, means in (
        (refused.json(), "no voice for French"),
        (json.loads(denied.value.response.body or b""), "no voice for Spanish"),
    ):
        assert body["error"]["param"] == "session.audio.input.transcription.language"
        assert means in body["error"]["message"]


async def test_the_voices_come_with_the_languages_that_can_be_practised() -> None:
    gateway = TestGateway()
    async with gateway.running(), httpx.AsyncClient() as http:
        unknown = (await http.get(f"{gateway.http}/voices")).json()
        gateway.services.known = KnownLanguages(("en-US",), ("es",))
        deaf = (await http.get(f"{gateway.http}/voices")).json()
    assert (unknown["languages"], deaf["languages"]) == (["en-US"], [])


async def test_a_recording_in_a_language_that_is_not_recognised_is_refused() -> None:
    recording = {"file": ("a.wav", wav(chirp(0.2, 24_000), 24_000))}
    async with TestGateway(languages=Known(HERE)).running() as gateway, httpx.AsyncClient(verify=False) as http:
        route = f"{gateway.http}/v1/audio/transcriptions"
        answers = [
            await http.post(route, files=recording, data={"model": "-", "language": language})
            for language in ("de", "es", "spa", "spanish")
        ]
    assert [answer.status_code for answer in answers] == [400, 200, 200, 400]
    assert "'spanish', which is not a language tag; speech recognition here knows en, es, fr" in answers[3].text
    told = answers[0].json()["error"]
    assert (told["param"], told["message"]) == (
        "language",
        "`language` is 'de'; speech recognition here knows en, es, fr",
    )


@pytest.mark.looptime
async def test_each_spoken_turn_says_in_which_language_it_was_heard() -> None:
    talk = Conversation()
    begun, partial, (eager_at, _), (end_at, _) = one_turn()
    spanish = replace(transcript("me gustan las manzanas"), language="es")
    talk.asr.script = [begun, partial, (eager_at, EagerEndOfTurn(spanish)), (end_at, EndOfTurn(spanish))]
    async with talk.running():
        await talk.speak(2.0)
        await talk.post(text("typed"))
        await asyncio.sleep(5)
    # None is the language of the partial transcript. The typed turn has no transcript.
    assert [m.language for m in talk.of(TranscriptMessage)] == [None, "es"]
    kept = talk.store.sessions[talk.connected.session_id][2]
    timeline = measure(kept, "beginner", "es").timeline
    assert [(turn.role, turn.language) for turn in timeline if turn.role == "learner"] == [
        ("learner", "es"),
        ("learner", None),
    ]
