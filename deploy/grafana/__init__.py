"""Grafana's dashboards, written as code. `python -m deploy.grafana` makes their files."""
