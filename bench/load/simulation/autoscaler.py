"""Simulates when KEDA, and the HPA that it configures, change the number of replicas, with the settings in deploy/k8s.

The HPA looks every 15 s (its default). If at least one replica always runs, `pollingInterval` and `cooldownPeriod` have
no effect: KEDA uses them to scale between zero and one. For each question of the HPA, KEDA asks Prometheus anew, which
answers with its latest scrape: up to `SCRAPE_S` old.

Algorithm: Kubernetes, "Horizontal Pod Autoscaling" (desired replicas, tolerance, stabilisation window, policies).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import simpy
import yaml

from bench.load.simulation.mesh import Process
from bench.load.simulation.stage_times import ROOT

SCALED_OBJECTS = ROOT / "deploy/k8s/components/keda/scaled-objects.yaml"
SCRAPE_S = 15.0
TOLERANCE = 0.1


@dataclass(frozen=True)
class Trigger:
    """One trigger. average: the metric is a total that is divided by the number of replicas (AverageValue); otherwise
    it is used as it is."""

    name: str
    threshold: float
    average: bool


@dataclass(frozen=True)
class Scaling:
    """One ScaledObject. At most up_percent of the replicas may be added within up_period_s, and at most down_pods
    replicas removed within down_period_s. down_window_s: replicas are removed only down to the highest number
    recommended in this time."""

    name: str
    least: int
    most: int
    triggers: tuple[Trigger, ...]
    up_percent: float
    up_period_s: float
    down_pods: int
    down_period_s: float
    down_window_s: float


def read_scalings(path: Path = SCALED_OBJECTS) -> dict[str, Scaling]:
    """All ScaledObjects by name. Raises ValueError if one scales in a way that is not simulated here."""
    return {one.name: one for one in map(_scaling, yaml.safe_load_all(path.read_text()))}


def _scaling(document: dict[str, Any]) -> Scaling:
    name, spec = document["metadata"]["name"], document["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    up, down = behavior["scaleUp"], behavior["scaleDown"]
    kinds = [[policy["type"] for policy in one["policies"]] for one in (up, down)]
    if kinds != [["Percent"], ["Pods"]] or up["stabilizationWindowSeconds"] != 0:
        raise ValueError(
            f"{name}: the simulation needs one Percent policy without a window to scale up, and one Pods policy to "
            "scale down"
        )
    return Scaling(
        name=name,
        least=spec["minReplicaCount"],
        most=spec["maxReplicaCount"],
        triggers=tuple(
            Trigger(one["name"], float(one["metadata"]["threshold"]), one["metricType"] == "AverageValue")
            for one in spec["triggers"]
        ),
        up_percent=up["policies"][0]["value"],
        up_period_s=up["policies"][0]["periodSeconds"],
        down_pods=down["policies"][0]["value"],
        down_period_s=down["policies"][0]["periodSeconds"],
        down_window_s=down["stabilizationWindowSeconds"],
    )


@dataclass
class Replicaset:
    """A scaled workload. ready: called when a replica has started. drain: called when one has to stop. replicas: those
    that are still starting included."""

    ready: Callable[[], None]
    drain: Callable[[], None]
    startup_s: float
    replicas: int


@dataclass
class Autoscaler:
    """One HPA. metrics: functions that return the metrics, by the name of the trigger."""

    env: simpy.Environment
    scaling: Scaling
    scaled: Replicaset
    metrics: Mapping[str, Callable[[], float]]
    _recommended: list[tuple[float, int]] = field(default_factory=list)
    _changes: list[tuple[float, int]] = field(default_factory=list)
    _scraped: dict[str, float] = field(default_factory=dict)
    _starting: int = 0

    def run(self) -> Process:
        """Scale without end."""
        self._recommended.append((self.env.now, self.scaled.replicas))
        while True:
            self._scraped = {name: metric() for name, metric in self.metrics.items()}
            yield self.env.timeout(SCRAPE_S)  # the HPA's values are one scrape old, which is the worst case
            self._decide()

    def desired(self, replicas: int, values: Mapping[str, float]) -> int:
        """The largest number of replicas that a trigger asks for, within the limits of the ScaledObject. Triggers whose
        metric isn't simulated don't count."""
        wanted = []
        for trigger in (one for one in self.scaling.triggers if one.name in values):
            ratio = values[trigger.name] / trigger.threshold / (replicas if trigger.average else 1)
            wanted.append(replicas if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * replicas - 1e-9))
        return min(max(max(wanted), self.scaling.least), self.scaling.most)

    def _decide(self) -> None:
        now, scaling, current = self.env.now, self.scaling, self.scaled.replicas
        self._recommended.append((now, self.desired(current, self._scraped)))
        self._recommended = [(at, n) for at, n in self._recommended if now - at <= scaling.down_window_s]
        wanted = self._recommended[-1][1]
        if wanted > current:
            added = self._changed_since(now - scaling.up_period_s, +1)
            wanted = min(wanted, math.ceil((current - added) * (1 + scaling.up_percent / 100)))
        elif wanted < current:
            removed = self._changed_since(now - scaling.down_period_s, -1)
            wanted = max(max(n for _, n in self._recommended), current + removed - scaling.down_pods)
        self._scale(wanted - current)

    def _changed_since(self, since: float, sign: int) -> int:
        return sum(abs(by) for at, by in self._changes if at > since and by * sign > 0)

    def _scale(self, by: int) -> None:
        if by > 0:
            for _ in range(by):
                self.env.process(self._start())
        elif by < 0 and self._starting == 0:
            for _ in range(-by):
                self.scaled.drain()
        else:
            return
        self.scaled.replicas += by
        self._changes.append((self.env.now, by))

    def _start(self) -> Process:
        self._starting += 1
        yield self.env.timeout(self.scaled.startup_s)
        self._starting -= 1
        self.scaled.ready()
