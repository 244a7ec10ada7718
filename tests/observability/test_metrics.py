"""All metrics follow one scheme and are documented, and the metrics in dashboards and alerts exist."""

from __future__ import annotations

import re

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.grafana.__main__ import FOLDER, files
from tests.observability.metrics_table import PAGE, metrics, with_table
from tests.observability.observed import Conversation, Observed
from tests.observability.queries import ALERTS, ROOT, ShippedQuery, alerts, metrics_in, shipped

SCHEME = re.compile(r"aitalk_(gateway|asr|llm|tts|server)_[a-z]+(_[a-z]+)*")
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "unknown": ("",),
    "info": ("_info",),
}
OF_PROMETHEUS = {"up"}
OF_VLLM = "vllm:"  # metrics of vLLM itself, which exist only where it runs


def test_names_follow_the_scheme() -> None:
    for one in metrics():
        assert SCHEME.fullmatch(one.name), one
        assert one.name.endswith("_total") == (one.kind == "counter"), one
        assert not re.search(r"_(ms|milliseconds|kb|mb|percent)(_|$)", one.name), one
        assert one.meaning.endswith("."), one


def test_the_documentation_has_every_metric() -> None:
    page = PAGE.read_text()
    assert page == with_table(page), "run python -m tests.observability.metrics_table"


@pytest.mark.timeout(240)
def test_dashboards_and_alerts_ask_only_for_metrics_that_exist(observed: Observed, conversation: Conversation) -> None:
    del conversation  # some metrics have no samples before it
    exposed = set(OF_PROMETHEUS)
    for family in text_string_to_metric_families(observed.scraped()):
        exposed |= {family.name + suffix for suffix in SUFFIXES[family.type]}
    missing = [
        (query.where, name)
        for query in shipped()
        for name in query.metrics
        if name not in exposed and not name.startswith(OF_VLLM)
    ]
    assert not missing
    ours = {name for query in shipped() for name in query.metrics if name.startswith("aitalk_")}
    assert len(ours) > 30


def test_a_conversation_leaves_samples_of_every_stage(observed: Observed, conversation: Conversation) -> None:
    del conversation
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(observed.scraped())
        for sample in family.samples
    }
    assert samples["aitalk_gateway_turns_total", "complete"] == 2
    for stage in ("eager", "end_of_turn", "first_token", "first_audio_sent"):
        assert samples["aitalk_gateway_stage_seconds_count", stage] >= 1
    for name in ("aitalk_asr_real_time_factor_count", "aitalk_tts_real_time_factor_count"):
        assert samples[name,] >= 1
    assert samples["aitalk_llm_first_token_seconds_count", "StreamingGenerate"] >= 2
    assert samples["aitalk_server_slots", "asr"] >= 1


def test_an_expression_that_names_no_metric_of_ours_is_found_out() -> None:
    assert metrics_in('sum by (le) (rate(a_bucket{x="b"}[5m])) / c or vllm:d') == {"a_bucket", "c", "vllm:d"}
    with pytest.raises(ValueError, match="parenthesis"):
        ShippedQuery("nowhere", "sum by (le").metrics  # noqa: B018


def test_the_dashboard_files_match_the_code() -> None:
    assert {path: path.read_text() for path in FOLDER.glob("*.json")} == files(), "run python -m deploy.grafana"


def test_prometheus_scrapes_every_kind_of_process_and_has_the_alerts() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    assert {job["job_name"] for job in config["scrape_configs"]} == {"gateway", "asr", "llm", "tts", "vllm"}
    assert [ALERTS.parent / name for name in config["rule_files"]] == [ALERTS]


def test_the_collector_passes_on_what_it_receives() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "otel" / "collector.yaml").read_text())
    for pipeline in config["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= config[kind].keys()


def test_every_alert_has_a_run_book() -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert sections == [alert["alert"] for alert in alerts()]
    for alert in alerts():
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in {"page", "ticket"}
