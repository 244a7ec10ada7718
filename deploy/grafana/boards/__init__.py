"""The three dashboards. Tests check that every metric named here exists; `tests.observability.look` asks them all."""

from __future__ import annotations

from deploy.grafana.boards.capacity import CAPACITY
from deploy.grafana.boards.learner import LEARNER
from deploy.grafana.boards.models import MODELS

DASHBOARDS = (LEARNER, MODELS, CAPACITY)
