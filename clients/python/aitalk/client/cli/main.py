"""`aitalk`: talk, say, transcribe, scenarios, sessions."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from aitalk.client.address import DEFAULT_URL
from aitalk.client.cli import files, lists, talking
from aitalk.client.errors import AiTalkError
from rich.console import Console

INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--url",
        default=os.environ.get("AITALK_URL", DEFAULT_URL),
        help=f"the gateway's address (default: AITALK_URL, or {DEFAULT_URL})",
    )
    shared.add_argument(
        "--token", default=os.environ.get("AITALK_TOKEN"), help="if the gateway requires one (default: AITALK_TOKEN)"
    )
    top = argparse.ArgumentParser(prog="aitalk", description="Talk with AI-Talk from a terminal.")
    top.add_argument("--version", action="version", version=f"aitalk {version('aitalk')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_talk_arguments(
        commands.add_parser("talk", parents=[shared], help="hold a conversation", description=talking.__doc__)
    )
    _add_say_arguments(commands.add_parser("say", parents=[shared], help="read a text aloud into a file"))
    _add_transcribe_arguments(
        commands.add_parser("transcribe", parents=[shared], help="write down what is said in a recording")
    )
    _add_scenarios_arguments(commands.add_parser("scenarios", parents=[shared], help="list the situations to talk in"))
    _add_sessions_arguments(
        commands.add_parser("sessions", help="list the conversations that this computer can resume")
    )
    return top


def _add_talk_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--text", action="store_true", help="type and read; needs no microphone and no speaker")
    command.add_argument("--level", choices=["beginner", "intermediate", "advanced"], help="how the partner speaks")
    command.add_argument("--language", help="the language to practise, such as en")
    command.add_argument("--voice", help="the partner's voice")
    command.add_argument("--scenario", help="a situation to talk in; `aitalk scenarios` lists them")
    command.add_argument("--resume", metavar="ID", help="go on with an earlier conversation; `last`: the latest")
    command.add_argument("--microphone", metavar="DEVICE", help="name or number, as `python -m sounddevice` lists them")
    command.add_argument("--speaker", metavar="DEVICE", help="name or number, as for --microphone")
    command.add_argument("--no-analysis", action="store_true", help="end without the analysis")
    command.add_argument("--save", type=Path, metavar="FILE", help="write the whole analysis to this file, as JSON")
    command.set_defaults(run=talking.run)


def _add_say_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("text", metavar="TEXT", help="the text; `-` reads it from standard input")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the file to write, in the format of its ending: .mp3, .opus, .aac, .flac, .wav or .pcm",
    )
    command.add_argument("--voice", default="alloy", help="an id from the gateway's /v1/audio/voices")
    command.add_argument("--speed", type=float, default=1.0, help="how fast, from 0.5 to 2 (default: 1)")
    command.set_defaults(run=files.say)


def _add_transcribe_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, metavar="FILE", help="the recording, for example mp3, m4a, webm or wav")
    command.add_argument("--format", choices=["text", "srt", "vtt", "json"], default="text")
    command.add_argument("--language", default="", help="the language that is spoken (default: detected)")
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    command.set_defaults(run=files.transcribe)


def _add_scenarios_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--level", help="only scenarios for this level: beginner, intermediate, advanced, or A1 to C2")
    command.set_defaults(run=lists.scenarios)


def _add_sessions_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--forget", metavar="ID", help="remove this conversation from the list")
    command.set_defaults(run=lists.sessions)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status: 0, 1 after an error, 2 for a wrong command line, 130 after Ctrl-C."""
    chosen = parser().parse_args(arguments)
    try:
        chosen.run(chosen, Console(highlight=False, soft_wrap=not sys.stdout.isatty()))
    except AiTalkError as error:
        sys.exit(f"aitalk: {error}")
    except BrokenPipeError:  # `aitalk scenarios | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
