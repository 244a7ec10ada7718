"""How the answers of `make bench` become tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.figures import OURS, Conversations, p95, rows
from bench.listening import Answer
from bench.models import SerialTimes
from bench.report import PAGE, SECTION, Bench, markdown, write_json, write_section


def talked(system: str, run: int, *latencies: float | None, learners: int = 1) -> Conversations:
    answers = tuple(
        Answer(f"utterance {number}", latency, cut=latency is None, premature=False)
        for number, latency in enumerate(latencies)
    )
    return Conversations(run, learners, system, answers, errors=())


BENCH = Bench(
    command="make bench",
    machine={"CPUs": "2"},
    versions={"pipecat-ai": "1"},
    conversations=[
        talked("Pipecat, A", 0, 1.0, 1.2, 1.4),
        talked(OURS, 0, 0.5, 0.6, 0.7),
        talked("Pipecat, B", 0, 1.0, 1.5, 1.1),
        talked(OURS, 1, 0.8, None, 0.6),
        talked(OURS, 0, 1.0, learners=2),
    ],
    serial=[SerialTimes("a", 0.3, 0.1, 0.1), SerialTimes("b", 0.3, 0.1, 0.2), SerialTimes("c", 0.2, 0.1, 0.1)],
    stages_ms=[{"eager": 300.0, "first_token": 400.0}, {"eager": 320.0, "first_token": 500.0}],
)


def test_all_runs_go_into_one_median_and_each_keeps_its_own() -> None:
    row = next(row for row in BENCH.rows if row.system == OURS and row.learners == 1)
    assert row.median_s == pytest.approx(0.6)
    assert row.medians_s == pytest.approx((0.6, 0.7))
    assert (row.utterances, row.unanswered, row.cut) == (6, 1, 1)


def test_ratios_are_to_the_faster_of_pipecats_settings_at_the_same_number_of_learners() -> None:
    ours = {row.learners: row for row in BENCH.rows if row.system == OURS}
    # B has the lower median
    assert ours[1].to_pipecat == pytest.approx(0.6 / 1.1)
    # A has the lower p95
    assert ours[1].p95_to_pipecat == pytest.approx(p95([0.5, 0.6, 0.7, 0.8, 0.6]) / p95([1.0, 1.2, 1.4]))
    assert ours[1].to_models == pytest.approx(0.6 / 0.5)
    assert ours[2].to_pipecat is None  # there is nothing to compare with
    assert all(row.to_pipecat is None for row in BENCH.rows if row.system != OURS)


def test_a_system_that_never_answers_has_a_row_without_latencies() -> None:
    (row,) = rows([talked(OURS, 0, None, None)], models_s=0.5)
    assert (row.median_s, row.p95_s, row.to_models, row.unanswered) == (None, None, None, 2)


def test_the_table_and_the_json_say_the_same(tmp_path: Path) -> None:
    write_json(BENCH, tmp_path / "folder" / "bench.json")
    data = json.loads((tmp_path / "folder" / "bench.json").read_text())
    assert data["models_s"] == pytest.approx(0.5)
    text = markdown(BENCH)
    for row in data["rows"]:
        line = next(line for line in text.splitlines() if line.startswith(f"| {row['learners']} | {row['system']} |"))
        assert f"| {row['median_s']:.2f} (" in line
        assert f"| {row['cut']} of {row['utterances']} |" in line
    assert "| 0.300 (0.200–0.300) | 0.100 (0.100–0.100) | 0.100 (0.100–0.200) | 0.500 (0.400–0.600) |" in text
    assert "| 310 (300–320) | – | 450 (400–500) | – | – |" in text


def test_a_section_is_replaced_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- one: written by make bench -->\nold\n<!-- /one -->\nafter\n")
    for body in ("new", "newer"):
        write_section(page, "one", body)
        expected = f"before\n<!-- one: written by make bench -->\n\n{body}\n\n<!-- /one -->\nafter\n"
        assert page.read_text() == expected
    with pytest.raises(LookupError, match="two"):
        write_section(page, "two", "…")


def test_the_page_has_a_place_for_the_figures(tmp_path: Path) -> None:
    page = tmp_path / PAGE.name
    page.write_text(PAGE.read_text())
    write_section(page, SECTION, "| figures |")
    assert "| figures |" in page.read_text()
