"""Seats and the queue for them, without clients: several gateways, some of them in processes of their own, on one real
Valkey."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis.asyncio as redis

from deploy.ports import free_ports
from gateway.admission.queue import AdmissionQueue, Ticket
from gateway.admission.redis_seats import RedisSeats
from tests.support.contender import admission_queue
from tests.support.mesh import running

ROUNDS = 334  # for each of three gateways: 1,002 in all
LEASE_S = 1.0


@pytest.fixture
def url(empty_valkey_url: str) -> str:
    return empty_valkey_url


async def until(ticket: Ticket, position: int) -> None:
    async with asyncio.timeout(10):
        while ticket.position != position:
            ticket.moved.clear()
            await ticket.moved.wait()


# --- across processes


async def test_three_gateways_race_for_the_last_seat(url: str, tmp_path: Path) -> None:
    capacity = 3
    async with admission_queue(url, capacity) as others:
        for name in ("one", "two"):
            assert (await others.arrive(name)).is_seated
        with ExitStack() as stack:
            settings = {"REDIS_URL": url, "CAPACITY": str(capacity), "ROUNDS": str(ROUNDS)}
            racers = [
                stack.enter_context(running("tests.support.contender", tmp_path / f"{i}.log", settings))
                for i in range(3)
            ]
            for racer in racers:
                assert await asyncio.to_thread(racer.process.wait, 90) == 0, racer.log
        assert [racer.log.strip() for racer in racers] == ["0", "0", "0"]
        assert (await others.arrive("three")).is_seated  # all seats were given back
        assert (await others.arrive("four")).position == 1


async def test_the_seats_of_a_killed_gateway_come_free(url: str, tmp_path: Path) -> None:
    settings = {"REDIS_URL": url, "CAPACITY": "3", "HOLD": "3", "LEASE_S": str(LEASE_S)}
    async with admission_queue(url, 3) as queue:
        with running("tests.support.contender", tmp_path / "log", settings) as doomed:
            async with asyncio.timeout(30):
                while "seated" not in doomed.log:
                    await asyncio.sleep(0.05)
            waiting = [await queue.arrive(f"ticket {i}") for i in range(4)]
            assert [ticket.position for ticket in waiting] == [1, 2, 3, 4]
            doomed.stop(signal.SIGKILL)
        for ticket in waiting[:3]:
            await until(ticket, 0)
        await until(waiting[3], 1)
        assert waiting[3].estimate_s > 0


HOUR_MS = 3_600_000


async def test_a_clock_that_is_set_back_keeps_the_seats_of_a_dead_gateway_no_longer(url: str) -> None:
    """The leases were made while Redis's clock was an hour ahead."""
    async with redis.from_url(url) as client:
        seconds, _ = await client.time()
        ahead_ms = 1000 * seconds + HOUR_MS
        await client.zadd("aitalk:{admission}:seats", {"dead": ahead_ms + 10_000, "kept": ahead_ms + 500})
        await client.hset("aitalk:{admission}:holders", mapping={"dead": "gone", "kept": ""})
        await client.zadd("aitalk:{admission}:queue", {"waits at a dead gateway": 0})
        await client.zadd("aitalk:{admission}:waiting", {"waits at a dead gateway": ahead_ms})
        async with admission_queue(url, 2, lease_s=LEASE_S, grace_s=0.5) as queue:
            waiting = [await queue.arrive("one"), await queue.arrive("two")]
            assert [ticket.position for ticket in waiting] == [2, 3]
            for ticket in waiting:
                await until(ticket, 0)


async def test_a_clock_that_is_set_forward_takes_no_seat_from_who_sits_on_it(url: str) -> None:
    """All leases have lapsed. The gateway's next heartbeat first renews the leases of its seats, so its queue goes on
    waiting."""
    async with admission_queue(url, 1, lease_s=LEASE_S) as queue, redis.from_url(url) as client:
        assert (await queue.arrive("sits")).is_seated
        waiting = await queue.arrive("waits")
        beats = 0
        while beats < 3:
            await client.zadd("aitalk:{admission}:seats", {"sits": 1})
            await client.zadd("aitalk:{admission}:waiting", {"waits": 1})
            await asyncio.sleep(0.6)
            beats += (await client.zscore("aitalk:{admission}:seats", "sits") or 0) > 1
            assert waiting.position == 1


async def test_clients_of_seats_that_an_earlier_version_freed_are_forgotten(url: str) -> None:
    """In a rolling update, a gateway of a version that knows no clients frees the seats of a dead one."""
    seats = RedisSeats(url, longest_keep_s=LEASE_S)
    async with redis.from_url(url, decode_responses=True) as client:
        await seats.beat([], ["sits", "waits"], capacity=1, queue_max=1)
        await client.hset("aitalk:{admission}:clients", mapping={"freed": "a", "left the queue": "b"})
        await seats.beat(["sits"], ["waits"], capacity=1, queue_max=1)
        assert set(await client.hkeys("aitalk:{admission}:clients")) == {"sits", "waits"}
    await seats.close()


# --- the queue


async def test_the_queue_is_served_in_order_across_gateways(url: str) -> None:
    async with admission_queue(url, 1) as left, admission_queue(url, 1) as right:
        first = await left.arrive("first")
        waiting = [await queue.arrive(name) for queue, name in ((right, "a"), (left, "b"), (right, "c"))]
        assert [ticket.position for ticket in waiting] == [1, 2, 3]
        queues: list[tuple[AdmissionQueue, Ticket]] = [(left, first), (right, waiting[0]), (left, waiting[1])]
        for (queue, leaving), next_in in zip(queues, waiting, strict=True):
            assert leaving.is_seated
            await queue.leave(leaving)
            await until(next_in, 0)
            for place, later in enumerate(waiting[waiting.index(next_in) + 1 :], 1):
                await until(later, place)


async def test_nobody_overtakes_the_queue(url: str) -> None:
    async with admission_queue(url, 1) as left, admission_queue(url, 1) as right:
        first = await left.arrive("first")
        patient = await right.arrive("patient")
        await left.leave(first)
        assert (await left.arrive("hasty")).position > 0 or patient.is_seated
        await until(patient, 0)


async def test_the_next_seat_goes_to_the_client_that_has_the_fewest(url: str) -> None:
    async with admission_queue(url, 3) as left, admission_queue(url, 3) as right:
        seated = [await left.arrive(f"seat {i}", client="class") for i in range(3)]
        assert all(ticket.is_seated for ticket in seated)  # nobody else waits, so the class gets every seat
        waiting = [await left.arrive(f"waits {i}", client="class") for i in range(2)]
        assert [ticket.position for ticket in waiting] == [1, 2]
        alone, friend = await right.arrive("alone", client="home"), await right.arrive("friend", client="home")
        assert (alone.position, friend.position) == (1, 2)
        await until(waiting[0], 3)
        await left.leave(seated[0])
        await until(alone, 0)
        assert not waiting[0].is_seated
        await left.leave(seated[1])  # now each client has one seat, and of those who wait the class came first
        await until(waiting[0], 0)
        await until(friend, 1)
        await right.leave(alone)
        await until(friend, 0)
        await until(waiting[1], 1)


async def test_a_kept_seat_and_a_resumed_one_count_for_their_client(url: str) -> None:
    async with admission_queue(url, 2, grace_s=5) as left, admission_queue(url, 2, grace_s=5) as right:
        first, other = await left.arrive("session", client="class"), await left.arrive("other", client="home")
        await left.leave(first, keep=True)
        late = await right.arrive("late", client="class")
        stranger = await right.arrive("stranger", client="elsewhere")
        assert stranger.position == 1
        await until(late, 2)
        back = await right.arrive("back", client="class")
        assert await right.carry_on(back, "session")
        await left.leave(other)
        await until(stranger, 0)
        await until(late, 1)


async def test_a_full_queue_refuses(url: str) -> None:
    async with admission_queue(url, 1, queue_max=1) as queue:
        await queue.arrive("first")
        assert (await queue.arrive("second")).position == 1
        assert (await queue.arrive("third")).position == -1


async def test_the_place_of_one_who_stops_waiting_is_given_on(url: str) -> None:
    async with admission_queue(url, 1) as queue:
        await queue.arrive("first")
        gone, stays = await queue.arrive("gone"), await queue.arrive("stays")
        await queue.leave(gone)
        await until(stays, 1)


async def test_a_kept_seat_is_nobody_elses_until_its_time_is_over(url: str) -> None:
    async with admission_queue(url, 1, grace_s=1.5) as left, admission_queue(url, 1, grace_s=0.5) as right:
        seated = await left.arrive("session")
        await left.leave(seated, keep=True)
        back, other = await right.arrive("back"), await right.arrive("other")
        assert (back.position, other.position) == (1, 2)
        assert not await right.carry_on(back, "unknown session")
        assert await right.carry_on(back, "session")
        assert back.is_seated
        assert back.seat == "session"
        await until(other, 1)
        await left.leave(seated)  # another gateway has the seat by now
        assert (await right.arrive("third")).position == 2
        await right.leave(back, keep=True)
        await until(other, 0)


async def test_a_place_in_the_queue_outlives_its_gateway(url: str) -> None:
    async with admission_queue(url, 1, grace_s=5) as ending, admission_queue(url, 1, queue_max=3) as other:
        first = await other.arrive("first")
        waiting = [await ending.arrive("a"), await other.arrive("b"), await ending.arrive("c")]
        await ending.leave(waiting[0], keep=True)
        assert (await other.arrive("hasty")).position == -1  # the kept place counts, so the queue is full
        ticket = await ending.place_of(waiting[0])
        for forged in ("a", "a.", f"a{ticket[1:]}0", ticket.replace("a.", "b."), "ä"):
            assert (await other.arrive("thief", place=forged)).position == -1  # the id of a session is not a ticket
        back = await other.arrive("a, again", place=ticket)
        assert back.position == 1
        assert (await other.arrive("thief", place=ticket)).position == -1  # a ticket can be used only once
        await until(waiting[1], 2)
        await other.leave(first)
        await until(back, 0)
        await until(waiting[2], 2)


async def test_a_seat_that_is_kept_is_not_taken_by_who_knows_the_session(url: str) -> None:
    async with admission_queue(url, 1, grace_s=5) as queue:
        await queue.leave(await queue.arrive("session"), keep=True)
        assert not (await queue.arrive("thief", place="session")).is_seated


async def test_a_kept_place_lapses(url: str) -> None:
    async with admission_queue(url, 1, grace_s=0.3) as queue:
        await queue.arrive("first")
        gone, stays = await queue.arrive("gone"), await queue.arrive("stays")
        await queue.leave(gone, keep=True)
        assert stays.position == 2
        await until(stays, 1)
        assert (await queue.arrive("gone, again", place=await queue.place_of(gone))).position == 2


async def test_whose_turn_comes_as_their_gateway_ends_finds_a_seat_at_the_next(url: str) -> None:
    async with admission_queue(url, 1) as ending, admission_queue(url, 1) as other:
        first, waiting = await ending.arrive("first"), await ending.arrive("waiting")
        await ending.leave(first)
        await until(waiting, 0)
        assert not (await other.arrive("thief", place=await ending.place_of(waiting))).is_seated  # the seat is taken
        await ending.leave(waiting, keep=True)
        assert (await other.arrive("waiting, again", place=await ending.place_of(waiting))).is_seated


async def test_without_redis_everyone_is_let_in() -> None:
    async with admission_queue(f"redis://127.0.0.1:{free_ports(1)[0]}/0", 1) as queue:
        assert all([(await queue.arrive(str(i))).is_seated for i in range(3)])
