"""`python -m tests.observability.metrics_table`: writes the table of all metrics into docs/observability.md.

The source is the code: the metrics.py of `common`, of the gateway and of each service has the names, labels and
meanings. A test fails if the page differs from the code.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

PAGE = Path(__file__).parent.parent.parent / "docs" / "observability.md"
BEGIN, END = "<!-- metrics: python -m tests.observability.metrics_table -->", "<!-- end of metrics -->"
MODULES = ("common.metrics", "gateway.metrics", "asr_service.metrics", "llm_service.metrics", "tts_service.metrics")


@dataclass(frozen=True)
class Metric:
    """name: as in queries; for a histogram, without _bucket, _sum and _count."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def metrics() -> Iterator[Metric]:
    """All metrics, service by service, in the order of the code."""
    for module in map(importlib.import_module, MODULES):
        for one in vars(module).values():
            if isinstance(one, MetricWrapperBase):
                kind = type(one).__name__.lower()
                (family,) = one.describe()
                name = f"{family.name}_total" if kind == "counter" else family.name
                yield Metric(name, kind, one._labelnames, family.documentation)


def table() -> str:
    lines = [BEGIN, "", "| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for one in metrics():
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {one.meaning} |")
    return "\n".join([*lines, "", END])


def with_table(page: str) -> str:
    """The page with an up-to-date table; raises ValueError if it has no place for one."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} needs the lines {BEGIN} and {END}")
    return before + table() + after


def main() -> None:
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
