"""Which events and fields of the Realtime API the gateway supports. docs/realtime.md shows these tables.

A test compares them with the types of the installed `openai` package, so that a new release shows what is missing.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Status = Literal["done", "without effect", "refused", "never sent"]


class Row(NamedTuple):
    """One event or field. note: in Markdown."""

    status: Status
    note: str = ""


_DONE = Row("done")
_ONLY_MCP = Row("never sent", "clients can't add MCP servers, and calls to the operator's servers send no events")
_ONLY_WEBRTC = Row("never sent", "WebRTC and SIP only")
_NO_PROMPT = Row("refused", "send the text as `instructions`")

CLIENT_EVENTS: dict[str, Row] = {
    "session.update": Row("done", "merged into the session's settings, or refused as a whole"),
    "input_audio_buffer.append": Row("done", "up to `MAX_FRAME_BYTES` (1 MiB) at once"),
    "input_audio_buffer.commit": Row(
        "done", "with turn detection it ends the learner's open turn, and is refused if there is none"
    ),
    "input_audio_buffer.clear": _DONE,
    "output_audio_buffer.clear": Row("refused", "WebRTC and SIP only; empty your player and truncate the item"),
    "conversation.item.create": Row(
        "done",
        "messages with text or transcripts, `function_call`, `function_call_output`, each up to 32,000 characters; "
        "other items are refused",
    ),
    "conversation.item.retrieve": Row("done", "without the audio, which is not kept"),
    "conversation.item.delete": _DONE,
    "conversation.item.truncate": Row(
        "done", "cuts between words; a time beyond the audio that was sent keeps all of it"
    ),
    "response.create": Row("done", "responses outside the conversation (`conversation: none`) are text only"),
    "response.cancel": _DONE,
}

SERVER_EVENTS: dict[str, Row] = {
    "error": Row("done", "`event_id` names the client's event"),
    "session.created": _DONE,
    "session.updated": Row("done", "reports the settings now in use"),
    "conversation.created": Row("never sent", "not part of the current API"),
    "conversation.item.created": Row("never sent", "`added` and `done` are sent instead"),
    "conversation.item.added": _DONE,
    "conversation.item.done": _DONE,
    "conversation.item.retrieved": _DONE,
    "conversation.item.deleted": _DONE,
    "conversation.item.truncated": Row("done", "`audio_end_ms` is at most the length of the audio that was sent"),
    "conversation.item.input_audio_transcription.delta": Row(
        "done",
        "one for each turn, with the whole text; in transcription sessions several per turn, while the learner speaks",
    ),
    "conversation.item.input_audio_transcription.completed": Row("done", "`usage` in seconds of speech"),
    "conversation.item.input_audio_transcription.failed": Row("done", "only for a turn that the client has committed"),
    "conversation.item.input_audio_transcription.segment": Row("never sent", "speakers are not told apart"),
    "input_audio_buffer.speech_started": Row(
        "done", "while the partner is heard and may be interrupted, it comes only at an interruption or after the reply"
    ),
    "input_audio_buffer.speech_stopped": Row("done", "once, when the turn is over"),
    "input_audio_buffer.committed": _DONE,
    "input_audio_buffer.cleared": _DONE,
    "input_audio_buffer.timeout_triggered": _DONE,
    "input_audio_buffer.dtmf_event_received": _ONLY_WEBRTC,
    "output_audio_buffer.started": _ONLY_WEBRTC,
    "output_audio_buffer.stopped": _ONLY_WEBRTC,
    "output_audio_buffer.cleared": _ONLY_WEBRTC,
    "response.created": _DONE,
    "response.done": Row(
        "done", "when everything has been sent; `usage` has the model server's count of text tokens, and no audio"
    ),
    "response.output_item.added": _DONE,
    "response.output_item.done": _DONE,
    "response.content_part.added": _DONE,
    "response.content_part.done": _DONE,
    "response.output_audio.delta": _DONE,
    "response.output_audio.done": _DONE,
    "response.output_audio_transcript.delta": _DONE,
    "response.output_audio_transcript.done": _DONE,
    "response.output_text.delta": _DONE,
    "response.output_text.done": _DONE,
    "response.function_call_arguments.delta": _DONE,
    "response.function_call_arguments.done": Row("done", "just before `response.done`"),
    "response.mcp_call_arguments.delta": _ONLY_MCP,
    "response.mcp_call_arguments.done": _ONLY_MCP,
    "response.mcp_call.in_progress": _ONLY_MCP,
    "response.mcp_call.completed": _ONLY_MCP,
    "response.mcp_call.failed": _ONLY_MCP,
    "mcp_list_tools.in_progress": _ONLY_MCP,
    "mcp_list_tools.completed": _ONLY_MCP,
    "mcp_list_tools.failed": _ONLY_MCP,
    "rate_limits.updated": Row(
        "done", "comes with `response.created`; says how many events the connection may still send"
    ),
}

ITEMS: dict[str, Row] = {
    "message": Row("done", "roles `user`, `assistant` and `system`; with text, or audio with its transcript"),
    "function_call": _DONE,
    "function_call_output": _DONE,
    "mcp_approval_request": Row("refused", "never sent: tools that need the learner's approval are not offered"),
    "mcp_approval_response": Row("refused", "no call waits for an approval"),
    "mcp_call": Row("refused", "never sent: the gateway calls the operator's servers within the response"),
    "mcp_list_tools": Row("refused", "never sent: clients can't add MCP servers"),
}
"""The types of items. Refused: a client can't create one."""

SESSION_FIELDS: dict[str, Row] = {
    "type": Row("done", "`realtime` or `transcription`; a transcription session can't become a `realtime` one"),
    "model": Row("without effect", "the server's own models answer; the name that you sent is reported"),
    "instructions": Row("done", "the model's whole system message; without instructions, the partner is Joe"),
    "output_modalities": Row("done", '`["audio"]` or `["text"]`'),
    "audio.input.format": Row("done", "`audio/pcm` (24 kHz), `audio/pcmu`, `audio/pcma`"),
    "audio.input.noise_reduction": Row("without effect", "reported as null"),
    "audio.input.transcription": Row("done", "null: no transcription events"),
    "audio.input.transcription.language": Row(
        "done",
        "an error if this server can't recognise it or, in a `realtime` session, has no voice for it, also when a key "
        "is made or used; see [languages](languages.md)",
    ),
    "audio.input.transcription.model": Row("without effect", "the name that you sent is reported"),
    "audio.input.transcription.prompt": Row("without effect", "reported as null"),
    "audio.input.transcription.languages": Row("without effect", "not reported"),
    "audio.input.transcription.keywords": Row("without effect", "not reported"),
    "audio.input.transcription.delay": Row("without effect", "not reported"),
    "audio.input.turn_detection": Row("done", "null: you commit turns and create responses; default: `semantic_vad`"),
    "audio.input.turn_detection.type": Row("done", "`semantic_vad` or `server_vad`"),
    "audio.input.turn_detection.create_response": _DONE,
    "audio.input.turn_detection.interrupt_response": _DONE,
    "audio.input.turn_detection.eagerness": _DONE,
    "audio.input.turn_detection.silence_duration_ms": Row(
        "done", "160 to 10,000; a lower value counts as 160, a higher one as 10,000"
    ),
    "audio.input.turn_detection.idle_timeout_ms": Row("done", "5,000 to 30,000"),
    "audio.input.turn_detection.prefix_padding_ms": Row("without effect", "reported as 300"),
    "audio.input.turn_detection.threshold": Row("without effect", "reported as 0.5"),
    "audio.output.format": Row("done", "the same formats as for input; applies from the next response on"),
    "audio.output.voice": Row(
        "done",
        "one of the server's voices; each of OpenAI's names stands for one of them, and any other name for the first",
    ),
    "audio.output.speed": Row("done", "0.5 at least; a lower value counts as 0.5"),
    "max_output_tokens": Row("done", "at most `LLM_MAX_TOKENS`"),
    "include": Row("done", "`logprobs` are the logarithms of the recogniser's confidence in each word"),
    "tools": Row("done", "functions; MCP servers are refused, because only the operator can add them"),
    "tool_choice": Row("done", "`auto`, `none`, `required`, or a function"),
    "parallel_tool_calls": Row("done", "if the model server supports it"),
    "prompt": _NO_PROMPT,
    "reasoning": Row("without effect", "reported as null"),
    "tracing": Row("without effect", "reported as null"),
    "truncation": Row("without effect", "reported as `auto`: the server shortens long conversations itself"),
}
"""The fields of `session.update` and `client_secrets`. A field also stands for the fields inside it, unless they are
listed."""

RESPONSE_FIELDS: dict[str, Row] = {
    "conversation": Row("done", "`auto` or `none`"),
    "input": Row("done", "replaces the conversation: messages of text, calls and their results, and `item_reference`"),
    "instructions": Row("done", "replaces the session's instructions for this response"),
    "output_modalities": _DONE,
    "max_output_tokens": _DONE,
    "metadata": Row("done", "repeated in the response"),
    "audio.output.voice": _DONE,
    "audio.output.format": Row("without effect", "the session's format is used"),
    "tools": Row("done", "replaces the session's tools for this response"),
    "tool_choice": _DONE,
    "parallel_tool_calls": _DONE,
    "prompt": _NO_PROMPT,
    "reasoning": Row("without effect"),
}
"""The fields of `response.create`."""

TABLES: dict[str, dict[str, Row]] = {
    "Client events": CLIENT_EVENTS,
    "Server events": SERVER_EVENTS,
    "Items": ITEMS,
    "Session fields": SESSION_FIELDS,
    "Fields of a response": RESPONSE_FIELDS,
}
"""The tables by their headings in docs/realtime.md."""


def as_markdown(table: dict[str, Row]) -> str:
    """The table as the page contains it."""
    lines = ["| name | support | notes |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {row.status} | {row.note} |".replace("|  |", "| |") for name, row in table.items()]
    return "\n".join(lines)
