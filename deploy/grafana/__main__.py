"""`python -m deploy.grafana`: writes deploy/grafana/dashboards/*.json, which Grafana is given, from the code here."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.grafana.boards import DASHBOARDS
from deploy.grafana.panels import to_grafana

FOLDER = Path(__file__).parent / "dashboards"


def files() -> dict[Path, str]:
    """What each file is to hold."""
    return {FOLDER / f"{one.uid}.json": json.dumps(to_grafana(one), indent=1) + "\n" for one in DASHBOARDS}


def main() -> None:
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
