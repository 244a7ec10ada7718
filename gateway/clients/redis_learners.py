"""Learners' records in Redis, for those who agreed to be remembered.

    aitalk:learner:{SHA-256}:record         hash        id, since; spoken: 0, then 1 once the learner has said something
    aitalk:learner:{SHA-256}:conversations  hash        digest of the session's id → the conversation's entry (JSON)
    aitalk:learner:{SHA-256}:used           hash        "en word" → 1, for each word that the learner has used
    aitalk:learner:{SHA-256}:words          hash        "en word" → a word to learn (JSON)
    aitalk:learner:{SHA-256}:sessions       sorted set  the session ids, by the time when each session last began

The SHA-256 is a digest of the learner's name. All these keys are kept for PROGRESS_TTL_S after the record's last
change, or for UNUSED_TTL_S as long as the learner has neither said anything nor kept a word. A
record of an earlier version lacks `spoken`, and is kept for PROGRESS_TTL_S. The writes of a conversation name the
record's id, and have no effect once that record is erased. An erasure finds the conversations by the session ids. An id
is dropped when its session has expired for certain.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime

from common.errors import InvalidInputError
from gateway.clients.redis_client import awaited, open_redis, reachable
from gateway.clients.redis_keys import digest, learner_key, learner_keys, session_key, turns_key
from gateway.clients.redis_store import RedisStore
from gateway.history import TURN, SessionState
from gateway.ports import NoRecordError
from gateway.ports.learner_record import ConversationProgress, Erased, ExportedSession, LearnedWord, LearnerRecord
from gateway.progress.review import due

MAX_CONVERSATIONS = 500
MAX_WORDS_USED = 20_000
MAX_WORDS_TO_LEARN = 1000
UNUSED_TTL_S = 24 * 3600
"""How long a record is kept if the learner has neither said anything nor kept a word."""
SESSION_SLACK_S = 24 * 3600
"""A session's id is kept for the session's time to live and this long in addition, from when the session last began."""


# KEYS: the fields of LearnerKeys. ARGV: the record's id ("": any), time to live, then one of
#   "spoken"
#   "agree", id and beginning of a new record, session id or "", now, the time before which session ids are dropped:
#   returns the record's id
#   "used", the most words that may be kept, words …: returns those that are new
#   "put", which key, field, document, the most that may be kept: returns 0 if there is no room
#   "drop", which key, field: returns how many were dropped
# Returns -1 if there is no such record.
_CHANGE = """
local id, what = redis.call('HGET', KEYS[1], 'id'), ARGV[3]
local answer = 1
if what == 'agree' then
  if not id then id = ARGV[4] redis.call('HSET', KEYS[1], 'id', id, 'since', ARGV[5], 'spoken', 0) end
  if ARGV[6] ~= '' then
    redis.call('ZADD', KEYS[5], ARGV[7], ARGV[6])
    redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', ARGV[8])
  end
  answer = id
elseif not id or (ARGV[1] ~= '' and ARGV[1] ~= id) then return -1
elseif what == 'spoken' then
  redis.call('HSET', KEYS[1], 'spoken', 1)
elseif what == 'used' then
  answer = {}
  local room = tonumber(ARGV[4]) - redis.call('HLEN', KEYS[3])
  for i = 5, #ARGV do
    if #answer < room and redis.call('HSET', KEYS[3], ARGV[i], 1) == 1 then table.insert(answer, ARGV[i]) end
  end
elseif what == 'put' then
  local key = KEYS[tonumber(ARGV[4])]
  if not redis.call('HGET', key, ARGV[5]) and redis.call('HLEN', key) >= tonumber(ARGV[7]) then return 0 end
  redis.call('HSET', key, ARGV[5], ARGV[6])
elseif what == 'drop' then
  answer = redis.call('HDEL', KEYS[tonumber(ARGV[4])], ARGV[5])
end
local ttl, held = tonumber(ARGV[2]), 0
for i = 2, 4 do held = held + redis.call('HLEN', KEYS[i]) end
if held == 0 and redis.call('HGET', KEYS[1], 'spoken') == '0' then ttl = math.min(ttl, UNUSED_TTL_S) end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ttl) end
return answer
""".replace("UNUSED_TTL_S", str(UNUSED_TTL_S))
_CONVERSATIONS, _WORDS = 2, 4  # numbers of KEYS


class RedisLearners:
    """The LearnerFiles of the running gateway. All methods raise UnavailableError if Redis can't be reached.

    ttl_s: how long a record is kept; 0: no record is begun. session_ttl_s: how long a session is kept. sessions: the
    store of the sessions, which also deletes them.
    """

    def __init__(
        self,
        url: str,
        sessions: RedisStore,
        *,
        ttl_s: int,
        session_ttl_s: int,
        max_conversations: int = MAX_CONVERSATIONS,
    ) -> None:
        self._redis = open_redis(url)
        self._sessions = sessions
        self._ttl_s = ttl_s
        self._session_ttl_s = session_ttl_s
        self._max_conversations = max_conversations
        self._change_script = self._redis.register_script(_CHANGE)

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()

    async def agree(self, learner: str, session_id: str = "") -> str:
        """Begin the learner's record, or go on with it. Returns its id; empty if none is kept."""
        if not self._ttl_s:
            return ""
        now = datetime.now(UTC)
        oldest_s = now.timestamp() - self._session_ttl_s - SESSION_SLACK_S
        record = await self._change(
            learner, "", "agree", secrets.token_hex(8), now.isoformat(), session_id, now.timestamp(), oldest_s
        )
        return str(record)

    async def keep_for_long(self, learner: str, record_id: str) -> None:
        """Keep the record for long, because the learner has said something."""
        await self._change(learner, record_id, "spoken")

    async def is_kept(self, learner: str, record_id: str) -> bool:
        """Whether this record still exists, that is, has not been erased."""
        async with reachable():
            found = await awaited(self._redis.hget(learner_keys(learner).record, "id"))
        return found is not None and found == record_id

    async def words_due(self, learner: str, language: str, most: int) -> list[str]:
        """The words of a language that are due, the longest overdue first."""
        async with reachable():
            found = await awaited(self._redis.hgetall(learner_keys(learner).words))
        words = [LearnedWord.model_validate_json(one) for one in found.values()]
        return [one.word for one in due(words, datetime.now(UTC), language)[:most]]

    async def add_conversation(
        self, learner: str, record_id: str, session_id: str, entry: ConversationProgress, words: Sequence[str]
    ) -> None:
        """Keep the entry of a conversation. If the record is full, the oldest conversation is dropped."""
        fields = {_field(entry.language, word): word for word in words}
        new = await self._change(learner, record_id, "used", MAX_WORDS_USED, *fields)
        if not isinstance(new, list):
            return  # the record was erased
        key, field = learner_keys(learner).conversations, digest(session_id)[:24]
        async with reachable():
            before = await awaited(self._redis.hget(key, field))
        earlier = ConversationProgress.model_validate_json(before) if before else None
        document = entry.with_new_words([fields[one] for one in new], earlier).model_dump_json()
        put = ("put", _CONVERSATIONS, field, document, self._max_conversations)
        if await self._change(learner, record_id, *put) == 0:
            await self._drop_oldest(learner, record_id)
            await self._change(learner, record_id, *put)

    async def _drop_oldest(self, learner: str, record_id: str) -> None:
        async with reachable():
            found = await awaited(self._redis.hgetall(learner_keys(learner).conversations))
        ended = {field: ConversationProgress.model_validate_json(one).ended_at for field, one in found.items()}
        if ended:
            await self._change(learner, record_id, "drop", _CONVERSATIONS, min(ended, key=lambda field: ended[field]))

    async def word(self, learner: str, language: str, word: str) -> LearnedWord | None:
        """A word that the learner keeps; None if it isn't kept."""
        async with reachable():
            found = await awaited(self._redis.hget(learner_keys(learner).words, _field(language, word)))
        return LearnedWord.model_validate_json(found) if found else None

    async def put_word(self, learner: str, word: LearnedWord) -> None:
        """Keep a word to learn, or replace it. Raises NoRecordError, or InvalidInputError if there is no room for one
        more."""
        field = _field(word.language, word.word)
        outcome = await self._change(learner, "", "put", _WORDS, field, word.model_dump_json(), MAX_WORDS_TO_LEARN)
        if outcome == -1:
            raise NoRecordError
        if outcome == 0:
            raise InvalidInputError(f"{MAX_WORDS_TO_LEARN} words are kept, which is the most; remove one first")

    async def drop_word(self, learner: str, language: str, word: str) -> bool:
        """Forget a word to learn. Returns whether it was there. Raises NoRecordError."""
        outcome = await self._change(learner, "", "drop", _WORDS, _field(language, word))
        if outcome == -1:
            raise NoRecordError
        return bool(outcome)

    async def read(self, learner: str) -> LearnerRecord | None:
        """The whole record; None if there is none."""
        keys = learner_keys(learner)
        async with reachable():
            about = await awaited(self._redis.hgetall(keys.record))
            if not about:
                return None
            found = await awaited(self._redis.hgetall(keys.conversations))
            used = await awaited(self._redis.hgetall(keys.used))
            words = await awaited(self._redis.hgetall(keys.words))
        return await asyncio.to_thread(_record, about["since"], found.values(), used, words.values())

    async def usual_pause_ms(self, learner: str) -> int:
        """The learner's usual pause; 0: unknown. It is kept even if the learner has no record."""
        async with reachable():
            return int(await awaited(self._redis.hget(learner_key(learner), "usual_pause_ms")) or 0)

    async def sessions(self, learner: str) -> AsyncIterator[ExportedSession]:
        """The stored conversations of the record, with their turns, one after the other."""
        for session_id in await self._session_ids(learner):
            async with reachable():
                state = await awaited(self._redis.hget(session_key(session_id), "state"))
                turns = await awaited(self._redis.lrange(turns_key(session_id), 0, -1))
            if state:
                said = tuple(TURN.validate_json(turn) for turn in turns)
                yield ExportedSession(state=SessionState.model_validate_json(state), turns=said)

    async def erase(self, learner: str) -> Erased:
        """Delete the record, its conversations, and the usual pause. May be repeated if it fails half-way."""
        keys = learner_keys(learner)
        session_ids = await self._session_ids(learner)
        async with reachable():
            counts = [int(await awaited(self._redis.hlen(key))) for key in (keys.conversations, keys.used, keys.words)]
            await awaited(self._redis.delete(keys.record))  # from now on, a running conversation writes nothing
            is_there = [bool(await awaited(self._redis.hlen(session_key(one)))) for one in session_ids]
        for session_id in session_ids:
            await self._sessions.delete(session_id)
        async with reachable():
            await awaited(self._redis.delete(*keys))
            pauses = int(await awaited(self._redis.delete(learner_key(learner))))
        return Erased(
            conversations=counts[0],
            words_used=counts[1],
            words_to_learn=counts[2],
            sessions=sum(is_there),
            usual_pause=pauses > 0,
        )

    async def _session_ids(self, learner: str) -> list[str]:
        async with reachable():
            return list(await awaited(self._redis.zrangebyscore(learner_keys(learner).sessions, "-inf", "+inf")))

    async def _change(self, learner: str, record_id: str, *what: str | float) -> object:
        async with reachable():
            return await self._change_script(keys=list(learner_keys(learner)), args=[record_id, self._ttl_s, *what])


def _record(since: str, conversations: Iterable[str], used: Iterable[str], words: Iterable[str]) -> LearnerRecord:
    """A record from its documents. Call this in a thread, because many documents take a while to read."""
    by_language: defaultdict[str, list[str]] = defaultdict(list)
    for one in sorted(used):
        language, _, word = one.partition(" ")
        by_language[language].append(word)
    entries = [ConversationProgress.model_validate_json(one) for one in conversations]
    to_learn = [LearnedWord.model_validate_json(one) for one in words]
    return LearnerRecord(
        since=datetime.fromisoformat(since),
        conversations=tuple(sorted(entries, key=lambda one: one.ended_at)),
        words_used={language: tuple(each) for language, each in by_language.items()},
        words_to_learn=tuple(sorted(to_learn, key=lambda one: (one.card.due, one.word))),
    )


def _field(language: str, word: str) -> str:
    return f"{language.partition('-')[0].lower()} {word.casefold()}"
