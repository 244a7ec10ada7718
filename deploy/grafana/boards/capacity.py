"""The dashboard on capacity: how many more learners fit, and where the time goes."""

from __future__ import annotations

from deploy.grafana.panels import Dashboard, Panel, Query, Row, quantiles, rate

# Each gateway calls Describe every second, so these calls are left out.
_NOT_ASKED_ABOUT = '{method!~".*/Describe"}'

CAPACITY = Dashboard(
    "ai-talk-capacity",
    "AI-Talk: capacity",
    (
        Row(
            "Slots",
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
                    "A learner always holds a recognition slot, and slots of the other services while a reply is made.",
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
                    "Above zero: a service was full.",
                ),
            ),
        ),
        Row(
            "Admission",
            (
                Panel(
                    "Seats",
                    "short",
                    (
                        Query("max(aitalk_gateway_seats_in_use)", "in use"),
                        Query("max(aitalk_gateway_seats)", "in all"),
                    ),
                    "A seat is one conversation. The numbers are for all gateways together.",
                ),
                Panel(
                    "Waiting for a seat",
                    "short",
                    (
                        Query("max(aitalk_gateway_queue_length)", "learners"),
                        *quantiles("aitalk_gateway_queue_wait_seconds", of=(0.95,)),
                    ),
                    "How many learners wait, and how long (seconds) those who got a seat had waited.",
                ),
                Panel(
                    "Turned away and moved",
                    "reqps",
                    (
                        rate("aitalk_gateway_refusals_total", "reason"),
                        rate("aitalk_gateway_client_limits_total", "limit"),
                        rate("aitalk_gateway_handovers_total", "moment"),
                        rate("aitalk_gateway_reopened_calls_total", "service"),
                    ),
                    "Refusals; limits that clients reached; sessions handed over; calls repeated at another replica.",
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
                    "CANCELLED: interrupted, begun in a pause within a turn, or the learner left. INTERNAL: a bug, or "
                    "a model or its server failed.",
                ),
                Panel(
                    "Length of calls, p95",
                    "s",
                    quantiles("aitalk_server_call_seconds", "method", of=(0.95,), where=_NOT_ASKED_ABOUT),
                    "A recognition stream usually lasts as long as the learner's connection.",
                ),
                Panel(
                    "Audio from learners",
                    "short",
                    (
                        Query("sum(rate(aitalk_gateway_audio_seconds_total[5m]))", "gateway: seconds /s"),
                        Query("sum(rate(aitalk_asr_audio_seconds_total[5m]))", "recognition: seconds /s"),
                    ),
                    "Shows how many microphones are open.",
                ),
                Panel(
                    "Replies begun in a pause",
                    "reqps",
                    (rate("aitalk_gateway_eager_replies_total", "outcome"),),
                    "used: the learner waited less. skipped: too many slots were in use (SPECULATION_MAX_OCCUPANCY).",
                ),
                Panel(
                    "Made for nothing",
                    "short",
                    (
                        Query("sum(rate(aitalk_gateway_wasted_audio_seconds_total[5m]))", "seconds of speech /s"),
                        Query("sum(rate(aitalk_gateway_wasted_characters_total[5m]))", "characters /s"),
                    ),
                    "Speech and text of replies that were discarded.",
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
                    "Without the llama.cpp or vLLM process, and without GPU memory.",
                ),
            ),
        ),
    ),
)
