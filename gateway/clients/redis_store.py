"""Session state in Redis: any gateway can carry on any session.

    aitalk:session:{id}        hash   state (JSON), token (SHA-256 of the resume token), epoch
    aitalk:session:{id}:turns  list   one JSON document per turn
    aitalk:learner:{SHA-256}   hash   usual_pause_ms; the key holds only a digest of the learner's name

The first two are kept for SESSION_TTL_S after the last change, the third for LEARNER_TTL_S after the learner's last
conversation. A session does not say which learner it belongs to. Each resumption raises the session's epoch. Writes of
an older epoch are refused, so that an old connection can't write into a conversation that has moved.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import redis.asyncio as redis
from pydantic import TypeAdapter
from redis.exceptions import RedisError

from common.errors import UnavailableError
from gateway.history import SessionState, Turn
from gateway.ports import SessionTakenError, SessionUnknownError, WrongTokenError

_TURN: TypeAdapter[Turn] = TypeAdapter(Turn)

# KEYS: session, turns. ARGV: epoch, time to live, "state", "turn" or "turns", one document, or any number of turns.
# Returns 0 if there is no such session, -1 if it has a newer epoch.
_WRITE = """
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return 0 end
if epoch ~= ARGV[1] then return -1 end
if ARGV[3] == 'turns' then redis.call('DEL', KEYS[2]) end
if ARGV[3] == 'state' then redis.call('HSET', KEYS[1], 'state', ARGV[4])
else for i = 4, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
"""


class RedisStore:
    """The SessionStore of the running gateway. All methods raise UnavailableError if Redis can't be reached.

    learner_ttl_s: with 0, nothing about learners is kept or read.
    """

    def __init__(self, url: str, *, ttl_s: int, learner_ttl_s: int = 0) -> None:
        self._redis: redis.Redis = redis.from_url(
            url, decode_responses=True, socket_timeout=2.0, socket_connect_timeout=2.0, health_check_interval=30
        )
        self._ttl_s = ttl_s
        self._learner_ttl_s = learner_ttl_s
        self._write_script = self._redis.register_script(_WRITE)

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()

    async def ping(self) -> bool:
        """Whether Redis answers."""
        try:
            async with reachable():
                return bool(await _awaited(self._redis.ping()))
        except UnavailableError:
            return False

    async def create(self, state: SessionState, resume_token: str) -> None:
        """Write a new session."""
        key = _key(state.session_id)
        fields: dict[Any, Any] = {
            "state": state.model_dump_json(),
            "token": _digest(resume_token),
            "epoch": state.epoch,
        }
        async with reachable(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=fields)
            pipe.expire(key, self._ttl_s)
            await pipe.execute()

    async def resume(self, session_id: str, resume_token: str, owner: str) -> tuple[SessionState, list[Turn]]:
        """Take the session over. Returns its state, with a new epoch and owner, and its turns.

        Raises SessionUnknownError or WrongTokenError.
        """
        key = _key(session_id)
        async with reachable():
            fields = await _awaited(self._redis.hgetall(key))
            if not fields:
                raise SessionUnknownError(
                    "there is no such session, or it was too long ago; this connection is a new conversation"
                )
            if not secrets.compare_digest(fields["token"], _digest(resume_token)):
                raise WrongTokenError(
                    "the resume_token does not fit the session_id; this connection is a new conversation"
                )
            epoch = await _awaited(self._redis.hincrby(key, "epoch", 1))
            turns = await _awaited(self._redis.lrange(f"{key}:turns", 0, -1))
        state = SessionState.model_validate_json(fields["state"]).model_copy(
            update={"epoch": epoch, "owner": owner, "state": "open"}
        )
        await self.save(state)
        return state, [_TURN.validate_json(turn) for turn in turns]

    async def knows(self, session_id: str, resume_token: str) -> bool:
        """Whether there is a session with this id and token. Changes nothing."""
        async with reachable():
            token = await _awaited(self._redis.hget(_key(session_id), "token"))
        return token is not None and secrets.compare_digest(token, _digest(resume_token))

    async def save(self, state: SessionState) -> None:
        """Write the state of a session. Raises SessionTakenError if a newer connection owns it."""
        await self._write(state, "state", state.model_dump_json())

    async def append(self, state: SessionState, turn: Turn) -> None:
        """Add a turn to a session. Raises SessionTakenError if a newer connection owns it."""
        await self._write(state, "turn", _TURN.dump_json(turn).decode())

    async def rewrite(self, state: SessionState, turns: Sequence[Turn]) -> None:
        """Replace the turns of a session. Raises SessionTakenError if a newer connection owns it."""
        await self._write(state, "turns", *(_TURN.dump_json(turn).decode() for turn in turns))

    async def delete(self, session_id: str) -> None:
        """Forget a session and its turns."""
        async with reachable():
            await _awaited(self._redis.delete(_key(session_id), f"{_key(session_id)}:turns"))

    async def usual_pause_ms(self, learner: str) -> int:
        """The usual pause of this learner in earlier conversations, in milliseconds; 0: unknown."""
        if not self._learner_ttl_s:
            return 0
        async with reachable():
            return int(await _awaited(self._redis.hget(_learner_key(learner), "usual_pause_ms")) or 0)

    async def keep_usual_pause(self, learner: str, usual_pause_ms: int) -> None:
        """Keep the learner's usual pause for LEARNER_TTL_S from now."""
        if not self._learner_ttl_s:
            return
        key = _learner_key(learner)
        async with reachable(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping={"usual_pause_ms": usual_pause_ms})
            pipe.expire(key, self._learner_ttl_s)
            await pipe.execute()

    async def _write(self, state: SessionState, what: str, *documents: str) -> None:
        key = _key(state.session_id)
        async with reachable():
            outcome = await self._write_script(
                keys=[key, f"{key}:turns"], args=[state.epoch, self._ttl_s, what, *documents]
            )
        if outcome == -1:
            raise SessionTakenError("this conversation goes on over a newer connection; this one is closed")
        if outcome == 0:
            raise UnavailableError("the session store has lost this session; new turns can't be kept")


def _key(session_id: str) -> str:
    return f"aitalk:session:{{{session_id}}}"  # braces: both keys in one slot of a cluster


def _learner_key(learner: str) -> str:
    return f"aitalk:learner:{_digest(f'aitalk learner {learner}')}"  # not the name's own digest


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _awaited(result: Any) -> Any:
    """The awaited result: redis-py declares its commands as sync or async, and these are async."""
    return await cast("Awaitable[Any]", result)


@asynccontextmanager
async def reachable() -> AsyncIterator[None]:
    """Turns errors of Redis in this block into UnavailableError.

    redis-py uses asyncio.wait_for, which in Python 3.11 loses a cancellation that comes in the moment when the write is
    done. So the cancellation is raised again here; otherwise a cancelled task would go on.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    cancelled = task.cancelling()
    try:
        yield
    except (RedisError, OSError) as error:
        raise UnavailableError(f"Redis can't be reached ({type(error).__name__}); is it running?") from error
    if task.cancelling() > cancelled:
        raise asyncio.CancelledError
