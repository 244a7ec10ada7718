"""The three dashboards: what a learner goes through, each model, and how much more fits.

A test checks that every metric named here exists; `python -m tests.observability.look` runs every query.
"""

from __future__ import annotations

from deploy.grafana.panels import Dashboard, Panel, Query, Row, mean, quantiles, rate

# Describe is asked every second by each gateway.
_NOT_ASKED_ABOUT = '{method!~".*/Describe"}'
_STAGES = "aitalk_gateway_stage_seconds"

LEARNER = Dashboard(
    "ai-talk-learner",
    "AI-Talk: a learner's experience",
    (
        Row(
            "Who is here, and are they answered",
            (
                Panel(
                    "Conversations",
                    "short",
                    (Query("sum(aitalk_gateway_sessions)", "connected"),),
                    "Learners connected now, on all gateways.",
                ),
                Panel(
                    "Replies",
                    "reqps",
                    (rate("aitalk_gateway_turns_total", "outcome"),),
                    "Most are complete. Interrupting is the learner's right; failed is ours to mend; discarded "
                    "ones were begun in a pause that was no end.",
                ),
                Panel(
                    "Replies that failed",
                    "percentunit",
                    (
                        Query(
                            'sum(rate(aitalk_gateway_turns_total{outcome="failed"}[5m])) / '
                            'sum(rate(aitalk_gateway_turns_total{outcome!="discarded"}[5m]))',
                            "failed",
                        ),
                    ),
                    "Of the replies that a learner was to hear.",
                    good_below=0.01,
                ),
            ),
        ),
        Row(
            "How long they wait",
            (
                Panel(
                    "From the last sound to the first answer",
                    "s",
                    quantiles(_STAGES, of=(0.5, 0.95, 0.99), where='{stage="first_audio_sent"}'),
                    "Voice to voice, but for the network and the player. Feels immediate under 0.5 s, broken over 3 s.",
                    good_below=1.3,
                ),
                Panel(
                    "Each stage, p95",
                    "s",
                    quantiles(_STAGES, "stage", of=(0.95,)),
                    "Counted from the last sound: the gap between two lines is what that stage costs.",
                ),
                Panel(
                    "As the learner's player tells it",
                    "s",
                    quantiles(_STAGES, where='{stage="first_audio_played"}'),
                    "With the network and the player's buffer.",
                ),
            ),
        ),
        Row(
            "What goes wrong",
            (
                Panel(
                    "Errors shown to learners",
                    "reqps",
                    (rate("aitalk_gateway_errors_total", "code"),),
                    "By code; docs/protocol.md says what each means.",
                ),
                Panel(
                    "Sounds that were no interruption",
                    "reqps",
                    (rate("aitalk_gateway_false_interruptions_total", "reply"),),
                    "hushed: the partner paused and went on. cut: it was stopped, and took it up again.",
                ),
                Panel(
                    "Analyses",
                    "reqps",
                    (rate("aitalk_gateway_analyses_total", "outcome"),),
                    "partial: the language model wrote its parts wrongly or too late.",
                ),
            ),
        ),
    ),
)

MODELS = Dashboard(
    "ai-talk-models",
    "AI-Talk: each model",
    (
        Row(
            "Speech recognition",
            (
                Panel(
                    "Decode",
                    "s",
                    quantiles("aitalk_asr_decode_seconds", "kind"),
                    "Time in the model: final ones hold up a reply, partial ones are captions.",
                ),
                Panel(
                    "Waiting for the model",
                    "s",
                    quantiles("aitalk_asr_queue_seconds", "kind", of=(0.95,)),
                    "Final decodes that wait mean too few workers or replicas.",
                    good_below=0.1,
                ),
                Panel(
                    "Backlog",
                    "short",
                    (
                        Query("sum(aitalk_asr_backlog)", "decodes that wait"),
                        Query("sum(rate(aitalk_asr_preempted_partials_total[5m]))", "partials given up /s"),
                    ),
                    "Grows without end when recognition is too slow.",
                ),
                Panel(
                    "Batch",
                    "short",
                    (mean("aitalk_asr_batch_size", "kind"),),
                    "Decodes done at once; 1 on a CPU.",
                ),
                Panel(
                    "Real-time factor",
                    "short",
                    quantiles("aitalk_asr_real_time_factor"),
                    "Model time for a second of speech, final decodes. At 1 a worker serves one who never pauses.",
                    good_below=0.5,
                ),
                Panel(
                    "Turn detection",
                    "s",
                    quantiles("aitalk_asr_turn_model_seconds"),
                    "Whether a pause is the end, by its sound.",
                ),
                Panel(
                    "Turns heard",
                    "reqps",
                    (rate("aitalk_asr_turns_total", "reason"),),
                    "max_length: a speaker who never paused.",
                ),
            ),
        ),
        Row(
            "Language model",
            (
                Panel(
                    "First token",
                    "s",
                    quantiles("aitalk_llm_first_token_seconds", where='{method="StreamingGenerate"}'),
                    "From a request to the first text of its reply. Analyses, which nobody waits for, are left out.",
                    good_below=1.0,
                ),
                Panel(
                    "Tokens",
                    "cps",
                    (rate("aitalk_llm_tokens_total", "kind"),),
                    "Per second. cached: of the prompt, those that were not read again.",
                ),
                Panel(
                    "Given up and started anew",
                    "reqps",
                    (
                        Query("sum(rate(aitalk_llm_cancelled_total[5m]))", "replies cancelled /s"),
                        Query("sum(rate(aitalk_llm_server_restarts_total[5m]))", "model server restarts /s"),
                    ),
                    "Cancelled: by an interruption, or a pause that was no end.",
                ),
            ),
        ),
        Row(
            "vLLM, where it runs",
            (
                Panel(
                    "Requests",
                    "short",
                    (
                        Query("sum(vllm:num_requests_running)", "running"),
                        Query("sum(vllm:num_requests_waiting)", "waiting"),
                    ),
                    "Running is the batch. Waiting means that the card is full.",
                ),
                Panel(
                    "KV cache in use",
                    "percentunit",
                    (Query("max by (instance) (vllm:kv_cache_usage_perc)", "{{instance}}"),),
                    "Near 1, replies are put aside and begun anew.",
                    good_below=0.9,
                ),
            ),
        ),
        Row(
            "Speech synthesis",
            (
                Panel(
                    "First audio",
                    "s",
                    quantiles("aitalk_tts_first_audio_seconds"),
                    "From the first text that can be said to its sound.",
                    good_below=0.5,
                ),
                Panel(
                    "Real-time factor",
                    "short",
                    quantiles("aitalk_tts_real_time_factor"),
                    "Time for a second of speech. Over 1, replies stutter.",
                    good_below=0.8,
                ),
                Panel(
                    "Backlog",
                    "short",
                    (Query("sum(aitalk_tts_backlog)", "syntheses that wait"),),
                    "More than TTS_THREADS wanted at once.",
                ),
                Panel(
                    "Speech made",
                    "short",
                    (
                        Query("sum(rate(aitalk_tts_audio_seconds_total[5m]))", "seconds of speech /s"),
                        Query("sum(rate(aitalk_tts_characters_total[5m]))", "characters /s"),
                        Query("sum(rate(aitalk_tts_cancelled_total[5m]))", "replies cancelled /s"),
                    ),
                    "Seconds of speech per second: how many partners speak at a time.",
                ),
            ),
        ),
    ),
)

CAPACITY = Dashboard(
    "ai-talk-capacity",
    "AI-Talk: capacity",
    (
        Row(
            "Room",
            (
                Panel(
                    "Slots in use",
                    "percentunit",
                    (
                        Query(
                            "sum by (service) (aitalk_server_slots_in_use) / sum by (service) (aitalk_server_slots)",
                            "{{service}}",
                        ),
                    ),
                    "The fullest service decides how many learners fit.",
                    good_below=0.8,
                ),
                Panel(
                    "Slots",
                    "short",
                    (
                        Query("sum by (service) (aitalk_server_slots_in_use)", "{{service}} in use"),
                        Query("sum by (service) (aitalk_server_slots)", "{{service}} in all"),
                    ),
                    "A learner holds one of recognition's all the time; the others while a reply is made.",
                ),
                Panel(
                    "Calls refused",
                    "reqps",
                    (
                        Query(
                            'sum by (method) (rate(aitalk_server_calls_total{code="RESOURCE_EXHAUSTED"}[5m]))',
                            "{{method}}",
                        ),
                    ),
                    "Anything above zero: a service was full.",
                ),
            ),
        ),
        Row(
            "Work",
            (
                Panel(
                    "Calls ended",
                    "reqps",
                    (
                        Query(
                            f"sum by (method, code) (rate(aitalk_server_calls_total{_NOT_ASKED_ABOUT}[5m])) > 0",
                            "{{method}} {{code}}",
                        ),
                    ),
                    "CANCELLED is an interruption or a learner who left; INTERNAL is a bug.",
                ),
                Panel(
                    "Length of calls, p95",
                    "s",
                    quantiles("aitalk_server_call_seconds", "method", of=(0.95,), where=_NOT_ASKED_ABOUT),
                    "A recognition stream is as long as its session.",
                ),
                Panel(
                    "Audio from learners",
                    "short",
                    (
                        Query("sum(rate(aitalk_gateway_audio_seconds_total[5m]))", "gateway: seconds /s"),
                        Query("sum(rate(aitalk_asr_audio_seconds_total[5m]))", "recognition: seconds /s"),
                    ),
                    "How many microphones are open.",
                ),
                Panel(
                    "Replies begun in a pause",
                    "reqps",
                    (rate("aitalk_gateway_eager_replies_total", "outcome"),),
                    "used: the wait was shorter by so much. skipped: no room to try (SPECULATION_MAX_OCCUPANCY).",
                ),
                Panel(
                    "Made for nothing",
                    "short",
                    (
                        Query("sum(rate(aitalk_gateway_wasted_audio_seconds_total[5m]))", "seconds of speech /s"),
                        Query("sum(rate(aitalk_gateway_wasted_characters_total[5m]))", "characters /s"),
                    ),
                    "What the wasted ones of them cost.",
                ),
            ),
        ),
        Row(
            "Processes",
            (
                Panel("Up", "short", (Query("sum by (job) (up)", "{{job}}"),), "Replicas that answer."),
                Panel(
                    "CPU",
                    "short",
                    (Query("sum by (job) (rate(process_cpu_seconds_total[5m]))", "{{job}}"),),
                    "Cores in use.",
                ),
                Panel(
                    "Memory",
                    "bytes",
                    (Query("sum by (job) (process_resident_memory_bytes)", "{{job}}"),),
                    "Without the llama.cpp or vLLM process, and without the GPU's.",
                ),
            ),
        ),
    ),
)

DASHBOARDS = (LEARNER, MODELS, CAPACITY)
