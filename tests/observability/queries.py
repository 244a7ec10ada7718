"""Every PromQL expression that we ship, and the metrics in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from deploy.grafana.boards import DASHBOARDS

ROOT = Path(__file__).parent.parent.parent
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
SCALED_OBJECTS = ROOT / "deploy" / "k8s" / "components" / "keda" / "scaled-objects.yaml"


@dataclass(frozen=True)
class ShippedQuery:
    """where: the panel, the alert or the KEDA trigger that has the query."""

    where: str
    expr: str

    @property
    def metrics(self) -> set[str]:
        return metrics_in(self.expr)


def metrics_in(expr: str) -> set[str]:
    """The metrics in an expression. Raises ValueError if it is not PromQL."""
    names: set[str] = set()

    def visit(node: Any) -> bool:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector):
            names.add(selector.name or "a selector without a name")
        return True

    promql_parser.walk(promql_parser.parse(expr), visit)
    return names


def shipped() -> Iterator[ShippedQuery]:
    """The queries of dashboards, alerts and KEDA's triggers."""
    for board in DASHBOARDS:
        for panel in board.panels:
            for query in panel.queries:
                yield ShippedQuery(f"{board.title} / {panel.title}", query.expr)
    for alert in alerts():
        yield ShippedQuery(f"alert {alert['alert']}", alert["expr"])
    for scaled in yaml.safe_load_all(SCALED_OBJECTS.read_text()):
        for trigger in scaled["spec"]["triggers"]:
            yield ShippedQuery(f"KEDA {scaled['metadata']['name']} / {trigger['name']}", trigger["metadata"]["query"])


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]
