"""The gateway's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from common.metrics import CONVERSATION_BUCKETS_S, from_zero

SESSIONS = Gauge("aitalk_gateway_sessions", "Conversations connected now.")
TASKS = Gauge(
    "aitalk_gateway_tasks",
    "Asyncio tasks of the process. Without conversations, their number stays about the same.",
)
REALTIME_SESSIONS = from_zero(
    Counter("aitalk_gateway_realtime_sessions_total", "Connections over the Realtime API, by type.", ["type"]),
    *("realtime", "transcription"),
)
TURNS = from_zero(
    Counter(
        "aitalk_gateway_turns_total", "Replies that ended: complete, interrupted, failed or discarded.", ["outcome"]
    ),
    *("complete", "interrupted", "failed", "discarded"),
)
FALSE_ALARMS = from_zero(
    Counter(
        "aitalk_gateway_false_interruptions_total",
        "Sounds over the partner's voice that were not a turn. The reply was paused (hushed), or was cut and continued "
        "(cut).",
        ["reply"],
    ),
    *("hushed", "cut"),
)
READ_AHEAD = Counter("aitalk_gateway_read_ahead_total", "Prompts that the model was given before a reply was due.")
PROMPT_SHORTENINGS = from_zero(
    Counter(
        "aitalk_gateway_prompt_shortenings_total",
        "Shortened prompts of long conversations: read by the model beforehand, or not (unread).",
        ["outcome"],
    ),
    *("read", "unread"),
)
SUMMARIES = Counter("aitalk_gateway_summaries_total", "Summaries of the turns that a prompt leaves out.")
REVISED_TURNS = Counter(
    "aitalk_gateway_revised_turns_total", "Learners' turns whose text was replaced by what they really said."
)
CORRECTIONS = from_zero(
    Counter(
        "aitalk_gateway_corrections_total",
        "Corrections sent during conversations: by the language model, or by a rule.",
        ["by"],
    ),
    "model",
    "rule",
)
CORRECTED_TURNS = from_zero(
    Counter(
        "aitalk_gateway_corrected_turns_total",
        "Learners' turns whose check was due during the conversation: checked, dropped (the model was busy or failed), "
        "or unusable (the model's answer could not be used).",
        ["outcome"],
    ),
    "checked",
    "dropped",
    "unusable",
)
ONCE_MORE = Counter(
    "aitalk_gateway_replies_said_again_total",
    "Replies that a learner asked to hear again (counted with a small model only).",
)
NAME_QUESTIONS = Counter(
    "aitalk_gateway_name_questions_replaced_total",
    "Times that the bundled partner asked for a name that the learner had told, and another question was put there.",
)
HELP_OFFERS = Counter("aitalk_gateway_help_offers_total", "Offers of help after a long silence of the learner.")
HINTS = from_zero(
    Counter(
        "aitalk_gateway_hints_total",
        "Hints that learners asked for: by the model, or from the scenario's phrases or the built-in list.",
        ["source"],
    ),
    *("model", "list"),
)
EAGER_REPLIES = from_zero(
    Counter(
        "aitalk_gateway_eager_replies_total",
        "Replies that could begin in a pause: used, wasted, or skipped (not begun, because the models were busy).",
        ["outcome"],
    ),
    *("used", "wasted", "skipped"),
)
WASTED_CHARACTERS = Counter(
    "aitalk_gateway_wasted_characters_total", "Characters of text in replies that were discarded."
)
WASTED_AUDIO_SECONDS = Counter(
    "aitalk_gateway_wasted_audio_seconds_total", "Seconds of speech made for replies that were discarded."
)
PROGRESS_KEPT = from_zero(
    Counter(
        "aitalk_gateway_progress_kept_total",
        "Conversations of learners who agreed to a record: kept, or failed.",
        ["outcome"],
    ),
    *("kept", "failed"),
)
ERASURES = Counter("aitalk_gateway_learner_erasures_total", "Learners who erased their data (DELETE /learner).")
WORD_REVIEWS = from_zero(
    Counter("aitalk_gateway_word_reviews_total", "Words to learn that were reviewed, by the rating.", ["rating"]),
    *("again", "hard", "good", "easy"),
)
STAGE_SECONDS = Histogram(
    "aitalk_gateway_stage_seconds",
    "Time from the end of the learner's voice to each stage of the reply.",
    ["stage"],
    buckets=CONVERSATION_BUCKETS_S,
)
TOOL_CALLS = Counter(
    "aitalk_gateway_tool_calls_total",
    "Calls of tools by the partner, by who runs them: client or mcp. Outcome: ok, error, timeout, refused, "
    "cancelled, or handed_over to a client that requests the next reply itself.",
    ["runner", "outcome"],
)
ERRORS = Counter("aitalk_gateway_errors_total", "Error messages sent to learners.", ["code"])
UNKNOWN_FIELDS = Counter(
    "aitalk_gateway_unknown_fields_total",
    "Messages with fields that this gateway does not know: the client is newer, or misspells them.",
    ["type"],
)
AUDIO_SECONDS = Counter("aitalk_gateway_audio_seconds_total", "Seconds of learners' audio decoded.")
ECHO_SECONDS = Counter(
    "aitalk_gateway_echo_cancelled_seconds_total",
    "Seconds of learners' audio that went through the echo canceller.",
)
ECHO_FOUND = from_zero(
    Counter(
        "aitalk_gateway_echo_checks_total",
        "Times that the echo guard found the partner's voice in a microphone (present), or found that it is not, or no "
        "longer, there (absent).",
        ["echo"],
    ),
    *("present", "absent"),
)
ECHO_TURNS = Counter(
    "aitalk_gateway_echo_turns_total", "Learners' turns that were dropped because their words were the partner's."
)
FILLED_SECONDS = Counter(
    "aitalk_gateway_filled_seconds_total",
    "Seconds of silence that the gateway filled in during a turn because a microphone sent nothing.",
)
ANALYSES = from_zero(
    Counter("aitalk_gateway_analyses_total", "Analyses sent: whole, or partial, with parts missing.", ["outcome"]),
    *("whole", "partial"),
)
ANALYSIS_SECONDS = Histogram(
    "aitalk_gateway_analysis_seconds",
    "From the last words to an analysis: its measured parts, or the whole of it.",
    ["part"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 180),
)
SEATS = Gauge("aitalk_gateway_seats", "Conversations that the mesh can hold, as this gateway estimates.")
SEATS_IN_USE = Gauge(
    "aitalk_gateway_seats_in_use", "Seats in use by all gateways, including those kept for learners who may reconnect."
)
QUEUE_LENGTH = Gauge("aitalk_gateway_queue_length", "Learners who wait for a seat at any gateway.")
QUEUE_WAIT_SECONDS = Histogram(
    "aitalk_gateway_queue_wait_seconds",
    "From a learner's arrival to a seat.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)
REFUSALS = Counter("aitalk_gateway_refusals_total", "Learners who were refused, by reason.", ["reason"])
CLIENT_LIMITS = from_zero(
    Counter(
        "aitalk_gateway_client_limits_total",
        "Times that a client reached a limit: connections, openings (per minute), stored (requests that store "
        "something, per minute), messages, bytes, time (per day), client_secrets (Realtime keys).",
        ["limit"],
    ),
    *("connections", "openings", "messages", "bytes", "time", "stored", "client_secrets"),
)
CLIENT_LIMITS_SHARED = Gauge(
    "aitalk_gateway_client_limits_shared",
    "1: clients are counted across all gateways. 0: Redis can't be reached, and this gateway counts alone.",
)
CLIENT_LIMITS_SHARED.set(1)
HANDOVERS = from_zero(
    Counter(
        "aitalk_gateway_handovers_total", "Sessions sent to another gateway: between_turns or in_turn.", ["moment"]
    ),
    *("between_turns", "in_turn"),
)
REOPENED_CALLS = from_zero(
    Counter("aitalk_gateway_reopened_calls_total", "Calls repeated at another replica, by service.", ["service"]),
    *("ASR", "LLM", "TTS"),
)
RECOVERIES = Counter(
    "aitalk_gateway_recoveries_total",
    "Streams to a model server that were refused, or broke, and were opened again, by service and moment: in_turn or "
    "between_turns.",
    ["service", "moment"],
)
CONNECTIONS_ENDED = from_zero(
    Counter(
        "aitalk_gateway_connections_ended_total",
        "Connections ended because the client sent too long a head, or too many control frames or fragments "
        "(too_much), or read nothing (stalled).",
        ["reason"],
    ),
    *("too_much", "stalled"),
)
UNHEARD = Counter(
    "aitalk_gateway_unheard_utterances_total",
    "Times that a learner who seemed to speak was told that recognition is, or had been, unavailable.",
)
SWEEPS = Counter("aitalk_gateway_sweeps_total", "Garbage collections that freed ended sessions.")
SLOW_REPLIES = from_zero(
    Counter(
        "aitalk_gateway_slow_replies_total",
        "Times that a learner was told of a long wait: for the first token, the first sound, or for recognition.",
        ["stage"],
    ),
    *("first_token", "first_sound", "recognition"),
)
UNSAVED_SESSIONS = Gauge(
    "aitalk_gateway_unsaved_sessions", "Conversations that wait in memory until Redis accepts writes again."
)
SCENARIOS = Gauge(
    "aitalk_gateway_scenarios",
    "Scenarios that learners can choose (usable), and files that are not valid scenarios (invalid).",
    ["state"],
)
SUBJECTS = from_zero(
    Counter(
        "aitalk_gateway_subjects_total",
        "Conversations whose client chose a scenario, or sent instructions.",
        ["subject"],
    ),
    *("scenario", "instructions"),
)
OPENAI_REQUESTS = Counter(
    "aitalk_gateway_openai_requests_total",
    "Requests to the OpenAI-compatible routes, by outcome: ok, refused (the client's fault, or no seat), failed, "
    "or left (the client closed the connection).",
    ["route", "outcome"],
)
