"""Session state in Redis: any gateway can continue any session.

aitalk:session:{id}                   hash    state (JSON), token (SHA-256 of the resume token), epoch
aitalk:session:{id}:turns             list    one JSON document per turn
aitalk:learner:{SHA-256}              hash    usual_pause_ms; the key contains only a digest of the learner's name
aitalk:client_secret:{SHA-256}        string  the settings of a short-lived key (`ek_…`), whose digest the name has
aitalk:client:{SHA-256}:secrets       zset    a client's valid short-lived keys, with their bytes → when they expire
aitalk:client:{SHA-256}:secrets_held  hash    bytes: how much these keys hold together
aitalk:resume_key                     string  a random secret from which the Realtime API's resume tokens are made

A session and its turns are kept for SESSION_TTL_S after the last change; without a turn, at most for UNTOLD_TTL_S. A
learner's usual pause is kept for LEARNER_TTL_S after the learner's last conversation, the settings of a short-lived key
until it expires, what is known about a client's short-lived keys for two hours after the latest of them was made, and
the secret for ever. A session does not say which learner it belongs to. Each resumption raises the session's epoch.
Writes of an older epoch are refused, so that an old connection can't write into a conversation that has moved.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress

from common.errors import UnavailableError
from gateway.clients.redis_client import awaited, open_redis, reachable
from gateway.clients.redis_keys import (
    RESUME_KEY,
    digest,
    learner_key,
    secret_key,
    secrets_keys,
    session_key,
    turns_key,
)
from gateway.clients.unsaved_sessions import UnsavedSessions
from gateway.history import TURN, SessionState, Turn
from gateway.ports import SessionLostError, SessionTakenError, SessionUnknownError, UnsavedSession, WrongTokenError

logger = logging.getLogger(__name__)


UNTOLD_TTL_S = 1800
"""How long a session without a turn is kept. By default, an idle session ends earlier (IDLE_TIMEOUT_S)."""
LEFT_TTL_S = 60
"""How long a session without a turn is kept after its learner has left."""
MAX_SECRETS_BYTES = 32 * 1024 * 1024
"""What the valid short-lived keys of one client may hold together, for example 10,000 keys with 3 kB of settings
each."""
SECRET_BYTES = 300
"""About how many bytes a short-lived key takes beside its settings."""
LONGEST_SECRET_S = 7200

# Each of these writes may be repeated: the second time changes nothing. Only a "turn" at place -1 would be added twice.
# KEYS: session, turns. ARGV: epoch, time to live, time to live of a session without turns, then one of
#   "state", its document
#   "turn", its place (-1: after all others), its document
#   "turns", all their documents
#   "probe", nothing more: only tests whether a script can write
#   "all", the token's digest, the state's document, the turns' documents: written even if there is no such session
#   "new", the same arguments: replaces whatever is stored under this id
# Returns 0 if there is no such session, -1 if it has a newer epoch, -2 if earlier turns are missing.
_WRITE = """
local epoch, what = redis.call('HGET', KEYS[1], 'epoch'), ARGV[4]
if what == 'probe' then redis.call('HSET', KEYS[1], 'probe', 1) redis.call('EXPIRE', KEYS[1], ARGV[2]) return 1 end
if not epoch and what ~= 'all' and what ~= 'new' then return 0 end
if epoch and what ~= 'new' and tonumber(epoch) > tonumber(ARGV[1]) then return -1 end
local function push(first) for i = first, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end end
if what == 'state' then
  redis.call('HSET', KEYS[1], 'state', ARGV[5])
elseif what == 'turn' then
  local count, at = redis.call('LLEN', KEYS[2]), tonumber(ARGV[5])
  if at > count then return -2 end
  if at >= 0 and at < count then redis.call('LSET', KEYS[2], at, ARGV[6]) else push(6) end
else
  redis.call('DEL', KEYS[2])
  if what == 'turns' then push(5) else
    redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'token', ARGV[5], 'state', ARGV[6])
    push(7)
  end
end
local ttl = ARGV[2]
if redis.call('LLEN', KEYS[2]) == 0 then ttl = ARGV[3] end
redis.call('EXPIRE', KEYS[1], ttl)
redis.call('EXPIRE', KEYS[2], ttl)
return 1
"""

# KEYS: the short-lived key, and those of `secrets_keys`. ARGV: document, time to live, the bytes that the key takes,
# the most bytes of all the client's valid keys, the longest time to live. Returns 0 if the client's keys would hold
# more than that.
_KEEP_KEY = """
local secret, valid, held = unpack(KEYS)
local now = tonumber(redis.call('TIME')[1])
for _, one in ipairs(redis.call('ZRANGEBYSCORE', valid, '-inf', now)) do
  redis.call('HINCRBY', held, 'bytes', -tonumber(string.match(one, '^%d+')))
  redis.call('ZREM', valid, one)
end
local member = ARGV[3] .. ' ' .. secret
if not redis.call('ZSCORE', valid, member) then  -- otherwise this write is repeated
  if tonumber(redis.call('HGET', held, 'bytes') or 0) + ARGV[3] > tonumber(ARGV[4]) then return 0 end
  redis.call('ZADD', valid, now + ARGV[2], member)
  redis.call('HINCRBY', held, 'bytes', ARGV[3])
end
redis.call('EXPIRE', valid, ARGV[5])
redis.call('EXPIRE', held, ARGV[5])
redis.call('SET', secret, ARGV[1])
redis.call('EXPIRE', secret, ARGV[2])
return 1
"""


class RedisStore:
    """The Store of the running gateway. All methods raise UnavailableError if Redis can't be reached.

    learner_ttl_s: if 0, nothing about learners is kept or read. unsaved: the sessions of `save_later`.
    """

    def __init__(self, url: str, *, ttl_s: int, learner_ttl_s: int = 0) -> None:
        self._redis = open_redis(url)
        self._ttl_s = ttl_s
        self._untold_ttl_s = min(ttl_s, UNTOLD_TTL_S)
        self.unsaved = UnsavedSessions(self.restore)
        self._learner_ttl_s = learner_ttl_s
        self._resume_key = secrets.token_hex(32)
        self._write_script = self._redis.register_script(_WRITE)
        self._keep_key_script = self._redis.register_script(_KEEP_KEY)

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()

    async def ping(self) -> bool:
        """Whether Redis answers."""
        try:
            async with reachable():
                return bool(await awaited(self._redis.ping()))
        except UnavailableError:
            return False

    async def problem(self) -> str:
        """Why nothing can be stored now, and what to do; empty if the store works.

        The test writes with a script, as conversations do, because some Redis users may not run scripts, and some
        providers allow none.
        """
        try:
            async with reachable():
                await self._write_script(keys=["aitalk:{probe}", "aitalk:{probe}:turns"], args=[0, 60, 60, "probe"])
        except UnavailableError as error:
            return error.message
        return ""

    async def create(self, state: SessionState, resume_token: str) -> None:
        """Write a new session."""
        await self._write(state, "new", digest(resume_token), state.model_dump_json())

    async def restore(self, state: SessionState, resume_token: str, turns: Sequence[Turn]) -> None:
        """Write the whole session, whatever the store holds of it. Raises SessionTakenError if a newer connection owns
        it."""
        await self._write(state, "all", digest(resume_token), state.model_dump_json(), *_documents(turns))

    def save_later(self, session: UnsavedSession) -> None:
        """Have `unsaved` write the session, in its latest state, when Redis can be reached again."""
        self.unsaved.add(session)

    async def save_now(self, session_id: str) -> None:
        """Have `unsaved` write the session now. If Redis can't be reached, it is written later."""
        await self.unsaved.save(session_id)

    async def leave(self, session_id: str) -> None:
        """The learner has left a session without a turn: keep it only for a moment."""
        self.unsaved.drop(session_id)
        async with reachable():
            await awaited(self._redis.expire(session_key(session_id), LEFT_TTL_S))

    async def resume(self, session_id: str, resume_token: str, owner: str) -> tuple[SessionState, list[Turn]]:
        """Take the session over. Returns its state, with a new epoch and owner, and its turns.

        Raises SessionUnknownError, also for a session that can't be read, or WrongTokenError.
        """
        await self.unsaved.save(session_id)  # after the takeover, the unsaved turns could not be written any more
        key = session_key(session_id)
        async with reachable():
            fields = await awaited(self._redis.hgetall(key))
            if not fields:
                raise SessionUnknownError(
                    "there is no such session, or it has expired; this connection is a new conversation"
                )
            if not secrets.compare_digest(fields.get("token", ""), digest(resume_token)):
                raise WrongTokenError(
                    "the resume_token does not fit the session_id; this connection is a new conversation"
                )
            epoch = await awaited(self._redis.hincrby(key, "epoch", 1))
            turns = await awaited(self._redis.lrange(f"{key}:turns", 0, -1))
        try:
            stored = SessionState.model_validate_json(fields["state"])
            history = [TURN.validate_json(turn) for turn in turns]
        except (KeyError, ValueError):  # the error may quote what was said
            logger.warning("session %s can't be read: it is damaged, or of a newer version of AI-Talk", session_id)
            raise SessionUnknownError(
                "this conversation can't be read any more; this connection is a new conversation"
            ) from None
        state = stored.model_copy(update={"epoch": epoch, "owner": owner, "state": "open"})
        await self.save(state)
        return state, history

    async def knows(self, session_id: str, resume_token: str) -> bool:
        """Whether there is a session with this id and token. Changes nothing."""
        async with reachable():
            token = await awaited(self._redis.hget(session_key(session_id), "token"))
        return token is not None and secrets.compare_digest(token, digest(resume_token))

    async def save(self, state: SessionState) -> None:
        """Write the state of a session. Raises SessionTakenError if a newer connection owns it."""
        await self._write(state, "state", state.model_dump_json())

    async def append(self, state: SessionState, turn: Turn, *, at: int = -1) -> None:
        """Add a turn to a session, or replace one. Raises SessionTakenError if a newer connection owns it.

        at: the turn's place; -1: after all others. Raises SessionLostError if earlier turns are missing, which may
        happen after a failover.
        """
        await self._write(state, "turn", at, *_documents([turn]))

    async def rewrite(self, state: SessionState, turns: Sequence[Turn]) -> None:
        """Replace all turns of a session. Raises SessionTakenError if a newer connection owns it."""
        await self._write(state, "turns", *_documents(turns))

    async def delete(self, session_id: str) -> None:
        """Forget a session and its turns."""
        self.unsaved.drop(session_id)
        async with reachable():
            await awaited(self._redis.delete(session_key(session_id), turns_key(session_id)))

    async def resume_key(self) -> bytes:
        """The secret that makes the resume tokens of the Realtime API. The first gateway makes the secret, and all
        gateways use it.

        While Redis can't be reached, this is the secret that the gateway had last. If Redis has lost its data, it gets
        that secret again.
        """
        with suppress(UnavailableError):
            async with reachable():
                await awaited(self._redis.set(RESUME_KEY, self._resume_key, nx=True))
                self._resume_key = str(await awaited(self._redis.get(RESUME_KEY)))
        return self._resume_key.encode()

    async def keep_client_secret(self, client: str, secret: str, document: str, ttl_s: int) -> bool:
        """Store the document of a client's key until the key expires. Returns False if the client's valid keys would
        hold more than MAX_SECRETS_BYTES."""
        size = SECRET_BYTES + len(document.encode())
        longest_s = max(ttl_s, LONGEST_SECRET_S)
        async with reachable():
            kept = await self._keep_key_script(
                keys=[secret_key(secret), *secrets_keys(client)],
                args=[document, ttl_s, size, MAX_SECRETS_BYTES, longest_s],
            )
        return bool(kept)

    async def client_secret(self, secret: str) -> str | None:
        """The document of this key; None if it has expired."""
        async with reachable():
            found = await awaited(self._redis.get(secret_key(secret)))
        return None if found is None else str(found)

    async def usual_pause_ms(self, learner: str) -> int:
        """The usual pause of this learner in earlier conversations, in milliseconds; 0: unknown."""
        if not self._learner_ttl_s:
            return 0
        async with reachable():
            return int(await awaited(self._redis.hget(learner_key(learner), "usual_pause_ms")) or 0)

    async def keep_usual_pause(self, learner: str, usual_pause_ms: int) -> None:
        """Keep the learner's usual pause for LEARNER_TTL_S from now."""
        if not self._learner_ttl_s:
            return
        key = learner_key(learner)
        async with reachable(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping={"usual_pause_ms": usual_pause_ms})
            pipe.expire(key, self._learner_ttl_s)
            await pipe.execute()

    async def _write(self, state: SessionState, *what: str | int) -> None:
        key = session_key(state.session_id)
        async with reachable():
            outcome = await self._write_script(
                keys=[key, f"{key}:turns"], args=[state.epoch, self._ttl_s, self._untold_ttl_s, *what]
            )
        if outcome == -1:
            raise SessionTakenError("this conversation goes on over a newer connection; this one is closed")
        if outcome == 0:
            raise SessionLostError("the session store has lost this session")
        if outcome == -2:
            raise SessionLostError("the session store has lost turns of this session")


def _documents(turns: Sequence[Turn]) -> list[str]:
    return [TURN.dump_json(turn).decode() for turn in turns]
