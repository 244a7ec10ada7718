"""Hold a conversation in the terminal. Speak, or type a line.
Commands: /hint, /level LEVEL, /end (end with the analysis, like Ctrl-C), /quit (end without the analysis)."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

from aitalk.client.cli.dialogue import Dialogue, Output, SpokenOutput, UnheardOutput
from aitalk.client.cli.report import report
from aitalk.client.cli.screen import Screen
from aitalk.client.conversation import AsyncConversation
from aitalk.client.errors import AiTalkError
from aitalk.client.events import Analysis
from aitalk.client.kept_sessions import KeptSession, KeptSessions
from aitalk.client.options import AudioFormat, Options
from aitalk.client.playback import level
from aitalk.client.sound import Microphone, PortAudio, SoundCard
from rich.console import Console

REPORT_EVERY_S = 0.15
Lines = AsyncIterator[str]


def run(chosen: argparse.Namespace, console: Console) -> None:
    """`aitalk talk`."""
    card = None if chosen.text else PortAudio(_device(chosen.microphone), _device(chosen.speaker))
    with contextlib.suppress(asyncio.CancelledError):  # the second Ctrl-C
        asyncio.run(talk(chosen, console, card, stdin_lines))


def _device(name: str | None) -> str | int | None:
    return int(name) if name and name.isdecimal() else name


async def talk(
    chosen: argparse.Namespace, console: Console, card: SoundCard | None, lines: Callable[[], Lines]
) -> None:
    """Hold the whole conversation. card: the sound card; None if the learner types. lines: the typed lines."""
    kept = KeptSessions()
    resumed = _to_resume(kept, chosen.resume) if chosen.resume else None
    options = Options(
        level=chosen.level,
        language=chosen.language,
        voice=chosen.voice,
        scenario=chosen.scenario,
        learner=kept.learner_id(),
        partner_begins=True if chosen.scenario and not resumed else None,
    )
    url = resumed.url if resumed else chosen.url
    async with contextlib.AsyncExitStack() as stack:
        microphone = stack.enter_context(card.microphone()) if card else None
        if microphone:
            options = replace(options, audio=AudioFormat("pcm_s16le", microphone.rate_hz))
        key = resumed.key if resumed else None
        conversation = AsyncConversation(url, token=chosen.token, options=options, resume=key)
        await stack.enter_async_context(conversation)
        screen = stack.enter_context(Screen(console, live=microphone is not None))
        output: Output = stack.enter_context(SpokenOutput(card)) if card else UnheardOutput()
        dialogue = Dialogue(conversation, screen, output, partner_begins=bool(options.partner_begins))
        dialogue.on_learner = lambda text: _keep(kept, conversation, url, chosen.scenario or text)
        analysis = await _converse(dialogue, microphone, lines(), with_analysis=not chosen.no_analysis)
    if analysis:
        for line in report(analysis.data):
            console.print(line, markup=False)
        if chosen.save:
            chosen.save.write_text(json.dumps(analysis.data, indent=2, ensure_ascii=False), encoding="utf-8")


def _to_resume(kept: KeptSessions, session_id: str) -> KeptSession:
    session = kept.find(session_id)
    if session is None:
        raise AiTalkError(f"this computer knows no conversation {session_id!r}; `aitalk sessions` lists them")
    return session


def _keep(kept: KeptSessions, by: AsyncConversation, url: str, about: str) -> None:
    if by.key:
        kept.keep(KeptSession(by.key.session_id, by.key.resume_token, url, when="", about=about[:60]))


async def _converse(
    dialogue: Dialogue, microphone: Microphone | None, lines: Lines, *, with_analysis: bool
) -> Analysis | None:
    """Run the conversation to its end. Returns its analysis, if it has one."""
    tasks = [asyncio.create_task(_reported(dialogue))]
    if microphone:
        tasks.append(asyncio.create_task(_recorded(dialogue, microphone)))
    ending = asyncio.Event()
    tasks.append(asyncio.create_task(_typed(dialogue, lines, ending, aloud=microphone is not None)))
    ended = asyncio.create_task(_end_when_asked(dialogue, ending, tasks, with_analysis=with_analysis))
    with _interrupts(ending):
        try:
            listening = asyncio.create_task(dialogue.listen())
            await asyncio.wait((listening, ended), return_when=asyncio.FIRST_COMPLETED)
            if ended.done() and not ended.result():
                return None  # without the analysis
            return await listening
        finally:
            everything = [*tasks, ended, listening]
            for task in everything:
                task.cancel()
            await asyncio.wait(everything)


async def _end_when_asked(
    dialogue: Dialogue, ending: asyncio.Event, tasks: list[asyncio.Task[None]], *, with_analysis: bool
) -> bool:
    """Wait until the learner ends the conversation, then request the analysis, if it is wanted. Returns whether it was
    requested. Raises the error of a task that fails."""
    waiting = asyncio.create_task(ending.wait())
    try:
        while not ending.is_set():
            done, _ = await asyncio.wait((waiting, *(t for t in tasks if not t.done())), return_when="FIRST_COMPLETED")
            for task in done - {waiting}:
                task.result()
    finally:
        waiting.cancel()
    if not with_analysis or dialogue.quitting:
        return False
    for task in tasks:
        task.cancel()
    dialogue.screen.status = "analysing"
    dialogue.screen.note("analysing the conversation; Ctrl-C quits without the analysis")
    await dialogue.conversation.end()
    return True


async def _recorded(dialogue: Dialogue, microphone: Microphone) -> None:
    async for frame in microphone.frames():
        dialogue.screen.level(level(frame))
        await dialogue.conversation.send_audio(frame)


async def _reported(dialogue: Dialogue) -> None:
    """Report the playback while something plays."""
    told = None
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        heard = dialogue.output.heard()
        if heard and heard != told:
            told = heard
            dialogue.show_heard(heard)
            await dialogue.conversation.report_playback(*heard)


async def _typed(dialogue: Dialogue, lines: Lines, ending: asyncio.Event, *, aloud: bool) -> None:
    """Do what the learner types. Without sound, each line waits for the reply to the previous one."""
    if not aloud:
        await dialogue.idle.wait()
        dialogue.screen.prompt()
    async for line in lines:
        if not await _obey(dialogue, line.strip()):
            break
        if not aloud:
            await dialogue.idle.wait()
            dialogue.screen.prompt()
    else:
        if aloud:  # no terminal to type in; the conversation goes on by voice
            await asyncio.Event().wait()
    ending.set()


async def _obey(dialogue: Dialogue, line: str) -> bool:
    """Do what this line asks for. Returns whether the conversation goes on."""
    match line.split():
        case []:
            return True
        case ["/end"]:
            return False
        case ["/quit"]:
            dialogue.quitting = True
            return False
        case ["/hint"]:
            await dialogue.ask_for_hint()
        case ["/level", ("beginner" | "intermediate" | "advanced") as chosen]:
            await dialogue.conversation.set_level(chosen)
        case [command, *_] if command.startswith("/"):
            dialogue.screen.note("commands: /hint, /level beginner|intermediate|advanced, /end, /quit")
        case _:
            await dialogue.type(line)
    return True


@contextlib.contextmanager
def _interrupts(ending: asyncio.Event) -> Iterator[None]:
    """Ctrl-C ends the conversation with its analysis; the second one ends the command."""
    loop, this = asyncio.get_running_loop(), asyncio.current_task()

    def interrupted() -> None:
        if ending.is_set() and this:
            this.cancel()
        ending.set()

    try:
        loop.add_signal_handler(signal.SIGINT, interrupted)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def stdin_lines() -> Lines:
    """What is typed, line by line. A thread reads the lines; it may still be waiting when the command ends."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with contextlib.suppress(RuntimeError, ValueError):  # the loop or the input is closed
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
