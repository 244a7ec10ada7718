"""A dashboard as data: queries in panels in rows. `to_grafana` turns it into Grafana's JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["s", "short", "percentunit", "reqps", "bytes", "cps"]

_PER_ROW, _WIDTH, _HEIGHT = 3, 8, 8
_PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}


@dataclass(frozen=True)
class Query:
    """A PromQL query. legend: Grafana's template for the names of the query's lines, such as `{{code}}`."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One diagram. about: what a reader should look for. good_below: values above this line are bad."""

    title: str
    unit: Unit
    queries: tuple[Query, ...]
    about: str
    good_below: float | None = None


@dataclass(frozen=True)
class Row:
    """A titled row of panels."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard. uid: its file name and its address in Grafana."""

    uid: str
    title: str
    rows: tuple[Row, ...]

    @property
    def panels(self) -> Iterator[Panel]:
        """All panels, row by row."""
        for row in self.rows:
            yield from row.panels


def quantiles(metric: str, by: str = "", *, of: Sequence[float] = (0.5, 0.95), where: str = "") -> tuple[Query, ...]:
    """Queries for quantiles of a histogram over five minutes. by: a label; each of its values gets lines of its own."""
    group = f"le, {by}" if by else "le"
    legend = f"{{{{{by}}}}} " if by else ""
    return tuple(
        Query(
            f"histogram_quantile({q:g}, sum by ({group}) (rate({metric}_bucket{where}[5m])))", f"{legend}p{q * 100:g}"
        )
        for q in of
    )


def mean(metric: str, by: str = "") -> Query:
    """The query for the mean of a histogram over five minutes."""
    group = f" by ({by})" if by else ""
    parts = (f"sum{group} (rate({metric}_{part}[5m]))" for part in ("sum", "count"))
    return Query(" / ".join(parts), f"{{{{{by}}}}} mean" if by else "mean")


def rate(metric: str, by: str) -> Query:
    """The query for the rate of a counter, per second over five minutes."""
    return Query(f"sum by ({by}) (rate({metric}[5m]))", f"{{{{{by}}}}}")


def to_grafana(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard in the form that Grafana's provisioning reads."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in dashboard.rows:
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": row.title, "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}}
        )
        y += 1
        for number, panel in enumerate(row.panels):
            x, line = number % _PER_ROW, number // _PER_ROW
            panels.append(_panel(panel, len(panels) + 1, x * _WIDTH, y + line * _HEIGHT))
        y += -(-len(row.panels) // _PER_ROW) * _HEIGHT
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["ai-talk"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "panels": panels,
    }


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.good_below is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.good_below}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
        defaults["custom"] = {"thresholdsStyle": {"mode": "line"}}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": _PROMETHEUS,
        "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "expr": query.expr,
                "legendFormat": query.legend,
                "datasource": _PROMETHEUS,
            }
            for index, query in enumerate(panel.queries)
        ],
    }
