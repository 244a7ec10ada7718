"""The three dashboards. Tests check that every metric in them exists; `tests.observability.look` runs all queries."""

from __future__ import annotations

from deploy.grafana.boards.capacity import CAPACITY
from deploy.grafana.boards.learner import LEARNER
from deploy.grafana.boards.models import MODELS

DASHBOARDS = (LEARNER, MODELS, CAPACITY)
