"""Learners' records: ten conversations, the export, the words, consent. The gateway keeps them in a real Valkey."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import httpx
import jwt
import pytest
from jsonschema import Draft202012Validator

from common.errors import UnavailableError
from deploy.ports import free_ports
from tests.support.learner import a_learner
from tests.support.learner_records import ANNA, BORIS, SAID, World, a_world

SECRET = "a secret that is long enough for HS256"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "learner.schema.json").read_text())


async def prompt_for(world: World, name: str) -> str:
    """The system message of this learner's next conversation."""
    async with a_learner(world.gateway.ws) as learner:
        await learner.send(type="start", learner=name, keep_progress=True)
        await learner.send(type="text", text="Hello.")
        await learner.wait_for("ai_text")
    return world.gateway.llm.asked[-1][0].content


def bearer(subject: str) -> dict[str, str]:
    token = jwt.encode({"sub": subject, "exp": time.time() + 60}, SECRET, "HS256")
    return {"Authorization": f"Bearer {token}"}


async def test_ten_conversations_their_export_and_their_erasure(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with world.http() as http:
        for said in SAID:
            await world.converse(said, learner=ANNA, keep_progress=True, scenario="cafe")
        await world.store.keep_usual_pause(f"own:{ANNA}", 700)
        assert (await http.post("/learner/words", json={"word": "Journey", "sentence": SAID[9]})).status_code == 200
        progress = (await http.get("/learner/progress")).json()
        assert (progress["kept"], len(progress["conversations"])) == (True, 10)
        first, last = progress["conversations"][0], progress["conversations"][-1]
        assert first["words"] == 8
        assert {"buyed", "yesterday"} & set(first["new_words_list"]) == {"yesterday"}  # a mistake is not a new word
        assert first["scenario"]["tasks"] >= 3
        assert "i" not in last["new_words_list"]  # the learner has used it before
        assert progress["words_used"][0]["words"] > 30
        kinds = {mistake["kind"]: mistake for mistake in progress["mistakes"]}
        assert kinds["agreement"]["conversations"] == 3
        assert kinds["agreement"]["examples"][0]["original"] == "He don't"
        assert kinds["verb_form"]["conversations"] == 4
        assert progress["due"] == 1

        exported = (await http.get("/learner/export")).json()
        Draft202012Validator(SCHEMA).validate(exported)
        assert len(exported["sessions"]) == len(exported["record"]["conversations"]) == 10
        assert {session["turns"][0]["text"] for session in exported["sessions"]} == set(SAID)
        assert exported["usual_pause_ms"] == 700
        assert exported["record"]["words_to_learn"][0]["word"] == "Journey"
        assert (await http.get("/schemas/learner.json")).json() == SCHEMA
        assert ANNA not in str(await world.keys())

        caplog.set_level(logging.INFO, "gateway")
        caplog.clear()
        erased = (await http.delete("/learner")).json()["erased"]
        assert erased | {"words_used": 0} == {
            "conversations": 10, "words_used": 0, "words_to_learn": 1, "sessions": 10, "usual_pause": True,
        }  # fmt: skip
        (line,) = [record.getMessage() for record in caplog.records if "audit" in record.getMessage()]
        assert "10 conversations" in line
        assert ANNA not in caplog.text
        assert await world.keys() == []
        assert (await http.get("/learner/progress")).json()["kept"] is False
        assert (await http.delete("/learner")).json()["erased"]["conversations"] == 0


async def test_without_consent_nothing_is_kept(world: World) -> None:
    await world.converse(SAID[0], learner=ANNA)
    await world.converse(SAID[1], learner=ANNA, keep_progress=False)
    await world.converse(SAID[2])
    assert [key for key in await world.keys() if "session:" not in key] == []
    async with world.http() as http:
        answer = await http.post("/learner/words", json={"word": "cake"})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_record")
        assert (await http.get("/learner/export")).json()["record"] is None
    assert [key for key in await world.keys() if "session:" not in key] == []


async def test_a_conversation_without_consent_adds_nothing_to_a_record(world: World) -> None:
    await world.converse(SAID[0], learner=ANNA, keep_progress=True)
    async with world.http() as http:
        kept = (await http.get("/learner/export")).json()["record"]
        assert len(kept["conversations"]) == 1
        await world.converse(SAID[1], learner=ANNA)
        async with a_learner(world.gateway.ws) as learner:  # who changes their mind before they speak
            await learner.send(type="start", learner=ANNA, keep_progress=True)
            await learner.send(type="start", keep_progress=False)
            await learner.send(type="text", text=SAID[2])
            await learner.send(type="end_conversation")
            assert (await learner.wait_closed())[0] == 1000
        assert (await http.get("/learner/export")).json()["record"] == kept


async def test_consent_without_a_name_is_refused_and_the_conversation_goes_on(world: World) -> None:
    learner = await world.converse(SAID[0], keep_progress=True)
    (error,) = learner.of("error")
    assert "send `learner` too" in error["message"]
    assert learner.of("analysis")
    assert [key for key in await world.keys() if "session:" not in key] == []


async def test_a_gateway_that_keeps_no_records_says_so(empty_valkey_url: str) -> None:
    async with a_world(empty_valkey_url) as world:
        world.learners._ttl_s = 0
        learner = await world.converse(SAID[0], learner=ANNA, keep_progress=True)
        assert "PROGRESS_TTL_S" in learner.of("error")[0]["message"]
        async with world.http() as http:
            assert (await http.put("/learner", json={"keep_progress": True})).status_code == 400
        assert [key for key in await world.keys() if "session:" not in key] == []


async def test_a_resumed_conversation_is_one_entry_with_all_its_new_words(world: World) -> None:
    first = await world.converse("I like green apples.", learner=ANNA, keep_progress=True)
    ids = {name: first.of("connected")[0][name] for name in ("session_id", "resume_token")}
    await world.converse("My sister likes cherries.", learner=ANNA, keep_progress=True, **ids)
    async with world.http() as http:
        (entry,) = (await http.get("/learner/progress")).json()["conversations"]
    assert entry["words"] == 8
    assert {"apples", "cherries"} <= set(entry["new_words_list"])
    assert entry["new_words"] == 8


async def test_a_learner_who_leaves_during_the_analysis_keeps_the_measured_parts(world: World) -> None:
    world.gateway.llm.answer_s = 60.0
    async with a_learner(world.gateway.ws) as learner:
        await learner.send(type="start", learner=ANNA, keep_progress=True)
        await learner.send(type="text", text=SAID[0])
        await learner.send(type="end_conversation")
        await learner.wait_for("analysis_progress")
    async with world.http() as http, asyncio.timeout(10):
        while not (kept := (await http.get("/learner/progress")).json()["conversations"]):
            await asyncio.sleep(0.05)
    assert kept[0]["words"] == 8


async def test_words_are_reviewed_and_those_due_get_into_the_next_conversation(world: World) -> None:
    async with world.http() as http:
        assert (await http.put("/learner", json={"keep_progress": True})).json() == {"kept": True}
        for word, language in (("cherry", "en"), ("journey", "en-GB"), ("cereza", "es")):
            await http.post("/learner/words", json={"word": word, "language": language})
        again = (await http.post("/learner/words", json={"word": "cherry", "meaning": "a small fruit"})).json()
        assert (again["meaning"], again["reviews"]) == ("a small fruit", 0)
        easy = {"word": "Cherry", "language": "en-US", "rating": "easy"}
        reviewed = (await http.post("/learner/words/review", json=easy)).json()
        assert (reviewed["word"], reviewed["reviews"]) == ("cherry", 1)
        assert reviewed["card"]["due"] > reviewed["card"]["last_review"]
        assert (await http.get("/learner/progress")).json()["due"] == 2
        told = await prompt_for(world, ANNA)
        assert "“journey”" in told
        assert "cherry" not in told
        assert "cereza" not in told
        assert "journey" not in await prompt_for(world, BORIS)
        removed = [(await http.post("/learner/words/remove", json={"word": "journey"})).json() for _ in range(2)]
        assert removed == [{"removed": True}, {"removed": False}]
        unknown = await http.post("/learner/words/review", json={"word": "journey", "rating": "good"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "word_unknown")


async def test_the_learner_is_the_tokens_subject_and_nobody_elses_data_are_reached(empty_valkey_url: str) -> None:
    async with a_world(empty_valkey_url, jwt_secret=SECRET) as world:
        await world.converse(SAID[0], headers=bearer("anna"), learner=BORIS, keep_progress=True)
        async with world.http(BORIS, **bearer("anna")) as anna, world.http(ANNA, **bearer("boris")) as boris:
            assert (await boris.get("/learner/progress")).json()["kept"] is False
            await boris.delete("/learner")
            assert len((await anna.get("/learner/progress")).json()["conversations"]) == 1
        async with world.http("sub_anna_sub_anna_sub") as nobody:
            answer = await nobody.get("/learner/progress")
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_bad_requests_are_told_what_is_wrong(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.gateway.http) as http:
        answer = await http.get("/learner/progress")
        assert (answer.status_code, "X-Learner" in answer.json()["detail"]) == (400, True)
        for path in ("/learner/progress", "/learner/export"):
            assert (await http.get(path, headers={"X-Learner": "short"})).status_code == 422
    async with world.http() as http:
        await http.put("/learner", json={"keep_progress": True})
        for path, body in (
            ("/learner/words", {"word": ""}),
            ("/learner/words", {"word": "x" * 65}),
            ("/learner/words", {"word": "a\nb"}),
            ("/learner/words", {"word": "a", "language": "no such language"}),
            ("/learner/words", {"word": "a", "wrod": "b"}),
            ("/learner/words/review", {"word": "a", "rating": "perfect"}),
        ):
            assert (await http.post(path, json=body)).status_code == 422, body
        assert (await http.put("/learner", json={"keep_progress": False})).status_code == 422
        assert (await http.post("/learner/words", json={"word": "a", "sentence": "x" * 20_000})).status_code == 413
        foreign = await http.delete("/learner", headers={"Origin": "https://elsewhere.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden_origin")


async def test_requests_that_store_something_are_limited_per_minute_and_others_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.admission.limits.STORED_PER_MIN", 3)
    async with world.http() as http:
        put = [(await http.put("/learner", json={"keep_progress": True})).status_code for _ in range(2)]
        words = [(await http.post("/learner/words", json={"word": "a"})).status_code for _ in range(2)]
        assert put + words == [200, 200, 200, 429]
        key = await http.post("/v1/realtime/client_secrets")
        assert (key.status_code, key.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert (await http.get("/learner/progress")).json()["due"] == 1
        assert (await http.post("/learner/words/remove", json={"word": "a"})).status_code == 200


async def test_a_store_that_is_away_is_reported() -> None:
    url = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    async with a_world(url) as world:
        learner = await world.converse(SAID[0], learner=ANNA, keep_progress=True)
        assert {"not_saved"} == {error["code"] for error in learner.of("error")}
        async with world.http() as http:
            assert (await http.get("/learner/progress")).status_code == 503
            assert (await http.delete("/learner")).status_code == 503
        with pytest.raises(UnavailableError):
            await world.learners.agree(ANNA)
