"""Limits for each client, across gateways, in virtual time: two gateways share the counts of a fake Redis."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from common.errors import UnavailableError
from gateway.admission.daily_time import LAST_TURN_S, WARN_S, DailyTime
from gateway.admission.limits import Limits, TooMuchError
from gateway.admission.redis_limits import Beat, Entry
from gateway.admission.redis_seats import BEAT_S
from gateway.closing import OUT_OF_TIME, TimeRunsOut, TimeUp, TimeUsedUpError
from gateway.config import GatewaySettings
from gateway.protocol import ErrorMessage, Interrupted, TimeLeft, TurnComplete
from tests.support.conversation import Conversation, text

pytestmark = pytest.mark.looptime


class FakeShared:
    """The counts of all gateways, in memory."""

    def __init__(self) -> None:
        self.open: dict[str, set[str]] = {}
        self.opened: Counter[str] = Counter()
        self.used_s: defaultdict[str, float] = defaultdict(float)
        self.is_away = False

    def _look(self) -> None:
        if self.is_away:
            raise UnavailableError("Redis can't be reached")

    async def enter(self, client: str, connection: str, *, most: int, per_minute: int, stores: bool = False) -> Entry:
        self._look()
        if len(self.open.setdefault(client, set())) >= most:
            return Entry(too_many_open=True)
        if per_minute and self.opened[client] >= per_minute:
            return Entry(too_many_opened=True)
        self.opened[client] += bool(per_minute)
        self.open[client].add(connection)
        return Entry(used_s=self.used_s[client])

    async def leave(self, client: str, connection: str) -> None:
        self._look()
        self.open[client].discard(connection)

    async def beat(self, beats: Sequence[Beat]) -> list[float]:
        self._look()
        for one in beats:
            self.open.setdefault(one.client, set()).update(one.connections)
            self.used_s[one.client] += one.used_s
        return [self.used_s[one.client] for one in beats]


class Told:
    """A session that keeps the events posted to it, with their times."""

    def __init__(self) -> None:
        self.events: list[tuple[float, TimeRunsOut | TimeUp]] = []

    async def post(self, event: TimeRunsOut | TimeUp, /) -> None:
        self.events.append((asyncio.get_running_loop().time(), event))


def limits(shared: FakeShared, **more: Any) -> Limits:
    usual = {"connections": 2, "messages_per_s": 10.0, "bytes_per_s": 10.0, "now": asyncio.get_running_loop().time}
    return Limits(shared, **{**usual, **more})


@asynccontextmanager
async def running(*gateways: Limits) -> Any:
    async with asyncio.TaskGroup() as tasks:
        beating = [tasks.create_task(one.run()) for one in gateways]
        yield
        for one in beating:
            one.cancel()


# --- connections


async def test_connections_are_counted_across_gateways() -> None:
    shared = FakeShared()
    left, right = limits(shared), limits(shared)
    async with left.connection("ana"), right.connection("ana"), right.connection("ben"):
        for gateway in (left, right):
            with pytest.raises(TooMuchError, match="more than 2 connections at once"):
                async with gateway.connection("ana"):
                    pass
    async with left.connection("ana"), left.connection("ana"):
        pass


async def test_connections_per_minute_are_counted_across_gateways_but_not_requests() -> None:
    shared = FakeShared()
    left, right = limits(shared, per_minute=2), limits(shared, per_minute=2)
    for gateway in (left, right):
        async with gateway.connection("ana"):
            pass
    with pytest.raises(TooMuchError, match="wait a minute"):
        async with left.connection("ana"):
            pass
    async with left.connection("ana", is_request=True), left.connection("ben"):
        pass


async def test_without_redis_each_gateway_counts_alone_and_nobody_is_locked_out() -> None:
    shared = FakeShared()
    left, right = limits(shared), limits(shared)
    async with AsyncExitStack() as stack, running(left, right):
        await stack.enter_async_context(left.connection("ana"))
        shared.is_away = True
        for gateway in (left, right, right):
            await stack.enter_async_context(gateway.connection("ana"))
        with pytest.raises(TooMuchError):
            async with left.connection("ana"):
                pass
        shared.open.clear()  # Redis comes back without its data
        shared.is_away = False
        await asyncio.sleep(2 * BEAT_S)
        assert len(shared.open["ana"]) == 4
        async with left.connection("ben"):
            assert shared.open["ben"]


async def test_without_redis_connections_per_minute_are_counted_at_each_gateway() -> None:
    shared = FakeShared()
    shared.is_away = True
    gateway = limits(shared, per_minute=2)

    async def comes_in() -> None:
        async with gateway.connection("ana"):
            pass

    for _ in range(2):
        await comes_in()
    with pytest.raises(TooMuchError, match="more than 2 connections opened"):
        await comes_in()
    await asyncio.sleep(60)
    await comes_in()


async def test_a_client_may_leave_while_it_is_reported() -> None:
    class Slow(FakeShared):
        async def beat(self, beats: Sequence[Beat]) -> list[float]:
            await asyncio.sleep(1)
            return await super().beat(beats)

    gateway = limits(Slow())
    async with asyncio.TaskGroup() as tasks, gateway.connection("ana"):
        tasks.create_task(gateway.beat())
        await asyncio.sleep(0.5)
    async with gateway.connection("ana"):
        await gateway.beat()


# --- time


async def test_the_time_of_a_day_is_used_up_at_both_gateways_together() -> None:
    shared = FakeShared()
    left, right = (limits(shared, connections=4, daily_s=600) for _ in range(2))
    told = Told()
    async with running(left, right), left.connection("ana") as here, right.connection("ana") as there:
        here.time.start()
        there.time.start()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(here.time.watch(told))
            await asyncio.sleep(360)
            watching.cancel()
        (warned_s, warning), (up_s, up), (cut_s, cut) = told.events
        assert isinstance(warning, TimeRunsOut)
        assert warning.seconds == pytest.approx(WARN_S, abs=5)
        assert warned_s == pytest.approx((600 - WARN_S) / 2, abs=5)  # two conversations use up the time twice as fast
        assert isinstance(up, TimeUp)
        assert not up.at_once
        assert up_s == pytest.approx(300, abs=5)
        assert isinstance(cut, TimeUp)
        assert cut.at_once
        assert cut_s == pytest.approx(up_s + LAST_TURN_S)
        here.time.stop()
        there.time.stop()
        for gateway in (left, right):
            async with gateway.connection("ana") as again, gateway.connection("ben") as other:
                with pytest.raises(TimeUsedUpError, match=r"10 minutes of conversation are used up.*midnight UTC"):
                    again.time.check()
                other.time.check()
            await gateway.beat()
    assert shared.used_s["ana"] == pytest.approx(720, abs=3)


async def test_time_that_could_not_be_reported_is_reported_later() -> None:
    shared = FakeShared()
    gateway = limits(shared, daily_s=600)
    async with running(gateway):
        shared.is_away = True
        async with gateway.connection("ana") as allowance:
            allowance.time.start()
            await asyncio.sleep(100)
            allowance.time.stop()
        shared.is_away = False
        await asyncio.sleep(2 * BEAT_S)
    assert shared.used_s["ana"] == pytest.approx(100, abs=0.1)


async def test_a_new_day_takes_the_warning_back() -> None:
    daily = DailyTime(600, now=asyncio.get_running_loop().time)
    told = Told()
    daily.report(500)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(daily.watch(told))
        await asyncio.sleep(10)
        daily.report(0)
        await asyncio.sleep(100)
        daily.report(600)
        await asyncio.sleep(LAST_TURN_S + 2)
        await watching
    kinds = [(type(event), getattr(event, "at_once", None)) for _, event in told.events]
    assert kinds == [(TimeRunsOut, None), (TimeRunsOut, None), (TimeUp, False), (TimeUp, True)]


async def test_without_a_quota_nothing_is_counted() -> None:
    shared = FakeShared()
    gateway = limits(shared)
    async with gateway.connection("ana") as allowance:
        allowance.time.start()
        await asyncio.sleep(100)
        await asyncio.wait_for(allowance.time.watch(Told()), 1)
        await gateway.beat()
        allowance.time.check()
    assert not shared.used_s["ana"]


# --- what the learner notices


async def test_the_current_turn_is_finished_before_the_conversation_is_closed() -> None:
    conversation = Conversation()
    async with conversation.running():
        await conversation.post(TimeRunsOut(120))
        await conversation.post(text("one more question"))
        await asyncio.sleep(0.5)
        await conversation.post(TimeUp("today's 10 minutes are used up"))
        await asyncio.sleep(10)
    assert [message.seconds for message in conversation.of(TimeLeft)] == [120]
    assert conversation.of(TurnComplete)
    (error,) = conversation.of(ErrorMessage)
    assert (error.code, error.retryable, error.message) == ("time_used_up", False, "today's 10 minutes are used up")
    assert conversation.closing is OUT_OF_TIME


async def test_a_turn_that_does_not_end_is_cut() -> None:
    conversation = Conversation()
    async with conversation.running():
        await conversation.post(text("one more question"))
        await asyncio.sleep(0.5)
        await conversation.post(TimeUp("it is over", at_once=True))
        await asyncio.sleep(1)
    assert conversation.of(Interrupted)
    assert conversation.closing is OUT_OF_TIME


# --- proxies


@pytest.mark.parametrize("proxies", ["127.0.0.1", "*", "10.0.0.0/8, ::1", ""])
def test_proxies_are_addresses_or_networks(proxies: str) -> None:
    assert GatewaySettings(_env_file=None, forwarded_allow_ips=proxies).forwarded_allow_ips == proxies


def test_a_proxy_by_name_is_refused_because_it_would_never_match() -> None:
    with pytest.raises(ValueError, match="'ingress' does not appear to be an IPv4 or IPv6 network"):
        GatewaySettings(_env_file=None, forwarded_allow_ips="ingress")
