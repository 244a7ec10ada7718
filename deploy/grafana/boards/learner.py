"""The dashboard on what learners experience: whether they get answers, how soon, and what goes wrong."""

from __future__ import annotations

from deploy.grafana.panels import Dashboard, Panel, Query, Row, quantiles, rate

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
                    "Most are complete. Learners may interrupt; failed ones are faults to repair; discarded "
                    "ones were begun in a pause that was not the end of the turn.",
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
                    "Failed replies, as a share of all replies that a learner should have heard.",
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
                    "Voice to voice, without network and player. It feels immediate under 0.5 s, broken over 3 s.",
                    good_below=1.3,
                ),
                Panel(
                    "Each stage, p95",
                    "s",
                    quantiles(_STAGES, "stage", of=(0.95,)),
                    "Counted from the last sound. The gap between two lines is the time of one stage.",
                ),
                Panel(
                    "As the learner's player reports it",
                    "s",
                    quantiles(_STAGES, where='{stage="first_audio_played"}'),
                    "Includes the network and the player's buffer.",
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
                    "Sounds that were not an interruption",
                    "reqps",
                    (rate("aitalk_gateway_false_interruptions_total", "reply"),),
                    "hushed: the partner paused and went on. cut: the reply was stopped, and continued later.",
                ),
                Panel(
                    "Analyses",
                    "reqps",
                    (rate("aitalk_gateway_analyses_total", "outcome"),),
                    "partial: the language model's parts were unusable or too late.",
                ),
            ),
        ),
    ),
)
