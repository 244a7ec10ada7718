"""`aitalk say` and `aitalk transcribe`."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

from aitalk.client.errors import AiTalkError, RefusedError
from aitalk.client.gateway import Gateway, SpeechFormat, StreamedFormat, TranscriptPiece
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

FORMATS = frozenset(get_args(SpeechFormat))


def say(chosen: argparse.Namespace, console: Console) -> None:
    """Read the text aloud into the file. The ending of the file's name determines the format."""
    output: Path = chosen.output
    audio_format = output.suffix.lstrip(".").lower()
    if audio_format not in FORMATS:
        raise AiTalkError(f"{output}: the ending names no format; use one of .{', .'.join(sorted(FORMATS))}")
    text = sys.stdin.read() if chosen.text == "-" else chosen.text
    with Gateway(chosen.url, token=chosen.token) as gateway, _writing(output) as part:
        pieces = gateway.speak(
            text, voice=chosen.voice, audio_format=cast(SpeechFormat, audio_format), speed=chosen.speed
        )
        with part.open("wb") as file:
            file.writelines(pieces)


def transcribe(chosen: argparse.Namespace, console: Console) -> None:
    """Transcribe the recording, with a progress bar on standard error."""
    recording: Path = chosen.file
    if not recording.is_file():
        raise AiTalkError(f"{recording}: there is no such file")
    with Gateway(chosen.url, token=chosen.token) as gateway:
        text = _transcript(gateway, recording, chosen.format, chosen.language)
    if chosen.output is None:
        sys.stdout.write(text)
        return
    with _writing(chosen.output) as part:
        part.write_text(text, encoding="utf-8")


def _transcript(gateway: Gateway, recording: Path, answer_format: str, language: str) -> str:
    """The transcript, ending in a line feed."""
    with _bar() as bar:
        sending = bar.add_task("sending", total=recording.stat().st_size)
        hearing = bar.add_task("recognising", total=None)
        uploaded = functools.partial(_sent, bar, sending)
        try:
            if answer_format == "json":
                text = gateway.transcribe(recording, answer_format="verbose_json", language=language, uploaded=uploaded)
                return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
            pieces = gateway.transcribe_streaming(
                recording, answer_format=cast(StreamedFormat, answer_format), language=language, uploaded=uploaded
            )
            text = "".join(_shown(pieces, bar, hearing))
        except RefusedError as error:
            raise AiTalkError(f"{recording}: {error}") from error
    return text.rstrip("\n") + "\n"


def _bar() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _sent(bar: Progress, task: TaskID, count: int) -> None:
    bar.update(task, completed=count)


def _shown(pieces: Iterator[TranscriptPiece], bar: Progress, task: TaskID) -> Iterator[str]:
    """The texts of the pieces, whose progress the bar shows."""
    for piece in pieces:
        bar.update(task, total=piece.duration_s, completed=piece.recognised_s)
        yield piece.text


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """A file beside `path`. Once it is complete, it replaces `path`. Raises AiTalkError if it can't be written."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise AiTalkError(f"{path} can't be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
