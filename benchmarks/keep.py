"""Measured figures as files: benchmarks/results/<name>.json, with the machine and the code that gave them."""

import json
from pathlib import Path
from typing import Any

from lrm_core.atomic import replacing
from lrm_core.records.provenance import code_revision, machine

FOLDER = Path(__file__).parent / "results"


def keep(name: str, figures: dict[str, Any]) -> None:
    """Print figures and write them to the results."""
    record = {"figures": figures, "machine": machine(), "code": code_revision()}
    text = json.dumps(record, indent=1)
    FOLDER.mkdir(exist_ok=True)
    with replacing(FOLDER / f"{name}.json") as temporary:
        temporary.write_text(text + "\n")
    print(text)
