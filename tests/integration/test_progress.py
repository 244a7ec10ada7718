"""Learners' records: ten conversations, the export, the erasure, consent. The gateway keeps them in a real Valkey."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import httpx
import jwt
import pytest
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY

from common.errors import InvalidInputError, UnavailableError
from deploy.ports import free_ports
from gateway.clients.redis_keys import learner_keys, turns_key
from gateway.clients.redis_learners import MAX_WORDS_TO_LEARN, UNUSED_TTL_S, RedisLearners
from gateway.clients.redis_store import RedisStore
from gateway.conversation.learner import Learner as KnownLearner
from gateway.conversation_record import ConversationRecord
from gateway.history import LearnerTurn, SessionState
from gateway.outbox import Outbox
from gateway.ports import NoRecordError
from gateway.ports.learner_record import WordToKeep
from gateway.progress.review import new_word
from tests.support.gateway import TestGateway
from tests.support.learner import Learner, a_learner
from tests.support.progress import an_entry

TTL_S, PROGRESS_TTL_S = 100, 1000
ANNA, BORIS = "anna-0123456789abcdef", "boris-0123456789abcdef"
SECRET = "a secret that is long enough for HS256"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "learner.schema.json").read_text())
SAID = (
    "Yesterday I buyed three apples at the market.", "He go to work by bus.", "She like her job in the office.",
    "We eated a big cake together.", "I not understand this film.", "He don't want to come with us.",
    "They didn't went home last night.", "I am agree with my teacher.", "It rain here every autumn.",
    "I thinked about the long journey.",
)  # fmt: skip


class World:
    """A gateway whose sessions and records are in Valkey."""

    def __init__(self, url: str) -> None:
        self.store = RedisStore(url, ttl_s=TTL_S, learner_ttl_s=TTL_S)
        self.learners = RedisLearners(url, self.store, ttl_s=PROGRESS_TTL_S, session_ttl_s=TTL_S)
        self.gateway = TestGateway(store=self.store, learners=self.learners)

    async def keys(self) -> list[str]:
        """All keys in Valkey."""
        return sorted(str(key) for key in await self.store._redis.keys("*"))

    def http(self, learner: str = ANNA, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.gateway.http, headers={"X-Learner": learner, **headers})

    async def converse(self, *said: str, headers: dict[str, str] | None = None, **start: Any) -> Learner:
        """Hold a whole typed conversation, and wait for its analysis."""
        async with a_learner(self.gateway.ws, **(headers or {})) as learner:
            await learner.send(type="start", **start)
            for text in said:
                await learner.send(type="text", text=text)
            await learner.send(type="end_conversation")
            assert (await learner.wait_closed())[0] == 1000
            return learner


@asynccontextmanager
async def a_world(url: str, **settings: Any) -> AsyncIterator[World]:
    world = World(url)
    async with world.gateway.running(**settings):
        yield world
    await world.learners.close()
    await world.store.close()


@pytest.fixture
async def world(empty_valkey_url: str) -> AsyncIterator[World]:
    async with a_world(empty_valkey_url) as world:
        yield world


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


async def test_a_conversation_that_goes_on_after_the_erasure_writes_nothing(world: World) -> None:
    async with a_learner(world.gateway.ws) as learner, world.http() as http:
        await learner.send(type="start", learner=ANNA, keep_progress=True)
        await learner.send(type="text", text=SAID[0])
        await learner.hear_reply()
        assert (await http.delete("/learner")).json()["erased"]["sessions"] == 1
        assert await world.keys() == []
        await learner.send(type="text", text=SAID[1])
        await learner.send(type="end_conversation")
        assert (await learner.wait_closed())[0] == 1000
        assert len(learner.of("analysis")) == 1
        assert not learner.of("error")
    assert await world.keys() == []


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


async def test_a_record_has_bounds_and_expires(world: World) -> None:
    name = f"own:{ANNA}"
    with pytest.raises(NoRecordError):
        await world.learners.put_word(name, new_word(WordToKeep(word="early"), datetime.now(UTC)))
    await world.learners.agree(name, "a-session")
    words = [new_word(WordToKeep(word=f"w{i}"), datetime.now(UTC)) for i in range(MAX_WORDS_TO_LEARN + 1)]
    for word in words[:-1]:
        await world.learners.put_word(name, word)
    with pytest.raises(InvalidInputError, match="the most"):
        await world.learners.put_word(name, words[-1])
    await world.learners.put_word(name, words[0])  # an existing word is changed
    ttls = [await world.store._redis.ttl(key) for key in await world.keys()]
    assert len(ttls) == 3
    assert all(TTL_S < ttl <= PROGRESS_TTL_S for ttl in ttls)


async def test_a_record_without_a_word_and_without_a_turn_is_soon_forgotten(
    empty_valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.test_progress.PROGRESS_TTL_S", 10 * UNUSED_TTL_S)
    async with a_world(empty_valkey_url) as world:

        async def ttl_s(name: str) -> int:
            return int(await world.store._redis.ttl(learner_keys(f"own:{name}").record))

        async with world.http() as http:
            await http.put("/learner", json={"keep_progress": True})
            assert 0 < await ttl_s(ANNA) <= UNUSED_TTL_S
            await http.post("/learner/words", json={"word": "cherry"})
            assert await ttl_s(ANNA) > UNUSED_TTL_S
            await http.post("/learner/words/remove", json={"word": "cherry"})
            assert 0 < await ttl_s(ANNA) <= UNUSED_TTL_S
        async with a_learner(world.gateway.ws) as learner:
            await learner.send(type="start", learner=BORIS, keep_progress=True)
            await learner.send(type="start", learner=BORIS + "2", keep_progress=True)
            # A connection may begin only one record.
            assert (await learner.wait_for("error"))["code"] == "invalid_input"
            assert await ttl_s(BORIS + "2") == -2
            assert 0 < await ttl_s(BORIS) <= UNUSED_TTL_S
            await learner.send(type="start", learner=BORIS, keep_progress=True)
            await learner.send(type="text", text="Hello.")
            await learner.hear_reply()
            assert await ttl_s(BORIS) > UNUSED_TTL_S


async def test_a_record_is_kept_for_long_if_what_was_said_is_saved_only_later(
    empty_valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the record would lapse before the conversation, and an erasure would not find the conversation."""
    monkeypatch.setattr("tests.integration.test_progress.PROGRESS_TTL_S", 10 * UNUSED_TTL_S)
    async with a_world(empty_valkey_url) as world:
        learner = KnownLearner(world.store, world.learners, ANNA)
        state = SessionState(session_id="s1", created_at=0)
        record = ConversationRecord(state, world.store, outbox := Outbox())
        record.is_wanted, record.on_said = learner.may_be_stored, learner.keep_for_long
        await record.create("token")
        await learner.agree("s1")
        with monkeypatch.context() as away:
            away.setattr(world.store, "append", AsyncMock(side_effect=UnavailableError("away")))
            await record.remember(LearnerTurn(turn_id="1", text="Hello", started_s=0.0))
        key = learner_keys(f"sub:{ANNA}").record
        assert await world.store._redis.ttl(key) <= UNUSED_TTL_S
        await record.save()
        assert await world.store._redis.llen(turns_key("s1")) == 1
        assert await world.store._redis.ttl(key) > UNUSED_TTL_S
        outbox.close()
        assert len([message async for message in outbox]) == 1


async def test_a_record_is_kept_for_long_if_that_failed_after_the_last_turn(world: World) -> None:
    record = ConversationRecord(SessionState(session_id="s1", created_at=0), world.store, outbox := Outbox())
    record.on_said = keep = AsyncMock()
    await record.save()
    keep.assert_not_called()
    await record.create("token")
    await record.remember(LearnerTurn(turn_id="1", text="Hello", started_s=0.0))
    await record.save()
    assert keep.await_count == 2
    outbox.close()
    assert [message async for message in outbox] == []


async def test_agreeing_again_never_shortens_a_record_of_an_earlier_version(
    empty_valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.test_progress.PROGRESS_TTL_S", 10 * UNUSED_TTL_S)
    async with a_world(empty_valkey_url) as world:
        await world.learners.agree(ANNA, "s1")
        keys = learner_keys(ANNA)
        await world.store._redis.hdel(keys.record, "spoken")  # earlier versions kept each record for long
        await world.learners.agree(ANNA, "s2")
        for key in (keys.record, keys.sessions):
            assert await world.store._redis.ttl(key) > UNUSED_TTL_S


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


async def test_the_oldest_conversation_makes_room(world: World) -> None:
    world.learners._max_conversations = 2
    name = f"own:{ANNA}"
    record = await world.learners.agree(name)
    for day in (3, 1, 2):
        await world.learners.add_conversation(name, record, f"s{day}", an_entry(day), [])
    kept = await world.learners.read(name)
    assert kept
    assert [entry.ended_at.day for entry in kept.conversations] == [2, 3]


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


async def test_a_session_that_could_not_be_saved_is_not_written_after_the_erasure(world: World) -> None:
    name = f"own:{ANNA}"
    record_id = await world.learners.agree(name, "s1")
    state = SessionState(session_id="s1", created_at=0)
    record = ConversationRecord(state, world.store, outbox := Outbox())
    record.is_wanted = partial(world.learners.is_kept, name, record_id)
    world.store.save_later(record)
    await world.learners.erase(name)
    world.store.save_later(record)  # this gateway has not heard of the erasure
    assert await world.store.unsaved.save(record.state.session_id)
    assert REGISTRY.get_sample_value("aitalk_gateway_unsaved_sessions") == 0
    assert await world.keys() == []
    outbox.close()
    assert [message async for message in outbox] == []
