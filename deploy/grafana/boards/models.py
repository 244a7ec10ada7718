"""The dashboard on each model: recognition, language model, synthesis."""

from __future__ import annotations

from deploy.grafana.panels import Dashboard, Panel, Query, Row, mean, quantiles, rate

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
                    "Time in the model. Final decodes hold up a reply; partial ones are captions.",
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
                    "Model time per second of speech, for final decodes. At 1, one speaker is the limit.",
                    good_below=0.5,
                ),
                Panel(
                    "Turn detection by sound",
                    "s",
                    quantiles("aitalk_asr_turn_model_seconds"),
                    "Time to decide from the sound whether a pause is the end of the turn.",
                ),
                Panel(
                    "Turn detection by words",
                    "s",
                    quantiles("aitalk_asr_text_model_seconds"),
                    "Time to decide whether a sentence could end at a pause. The end of a turn waits for it.",
                ),
                Panel(
                    "Turns heard",
                    "reqps",
                    (rate("aitalk_asr_turns_total", "reason"),),
                    "max_length: the speaker never paused.",
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
                    "Per second. cached: tokens of the prompt that were not read again.",
                ),
                Panel(
                    "Given up and started anew",
                    "reqps",
                    (
                        Query("sum(rate(aitalk_llm_cancelled_total[5m]))", "replies cancelled /s"),
                        Query("sum(rate(aitalk_llm_server_restarts_total[5m]))", "model server restarts /s"),
                    ),
                    "Cancelled: by an interruption, or because a pause was not the end of the turn.",
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
                    "Running: requests in the batch. Waiting: requests for which the GPU has no room.",
                ),
                Panel(
                    "KV cache in use",
                    "percentunit",
                    (Query("max by (instance) (vllm:kv_cache_usage_perc)", "{{instance}}"),),
                    "Near 1, vLLM preempts replies: it stops some and starts them again later.",
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
                    "From the first clause that can be spoken to its first audio.",
                    good_below=0.5,
                ),
                Panel(
                    "Real-time factor",
                    "short",
                    quantiles("aitalk_tts_real_time_factor"),
                    "Time per second of speech. Over 1, replies stutter.",
                    good_below=0.8,
                ),
                Panel(
                    "Backlog",
                    "short",
                    (Query("sum(aitalk_tts_backlog)", "syntheses that wait"),),
                    "Above zero: more syntheses than TTS_THREADS were requested at once.",
                ),
                Panel(
                    "Speech made",
                    "short",
                    (
                        Query("sum(rate(aitalk_tts_audio_seconds_total[5m]))", "seconds of speech /s"),
                        Query("sum(rate(aitalk_tts_characters_total[5m]))", "characters /s"),
                        Query("sum(rate(aitalk_tts_cancelled_total[5m]))", "replies cancelled /s"),
                    ),
                    "Seconds of speech per second: how many partners speak at the same time.",
                ),
            ),
        ),
    ),
)
