"""A short training along OpenLRM's own path on the rendered objects: `python benchmarks/training.py`.

Trains what `data/mini/train-tiny.yaml` describes as `lrm train` does, writes the run in the released format as
`lrm convert` does, and loads that. Kept: the validations, and how far the planes of the loaded model are from those
of the run's last checkpoint.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from keep import keep

from lrm_core import load_model
from lrm_core.measure.metrics import METRICS
from lrm_core.paths import data_dir
from lrm_core.render.cameras import canonical_source_camera
from lrm_core.render.quality import mean_square
from lrm_core.training.publish import convert
from lrm_core.training.upstream.config import read_train_config
from lrm_core.training.upstream.train import train


@torch.no_grad()
def planes(folder: Path) -> torch.Tensor:
    """Planes (1, 3, C, R, R) that the released model of a folder predicts for a picture of noise."""
    model = load_model(folder).eval()
    size = model.config.source_size
    noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    return model.predict_planes(noise, canonical_source_camera())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = replace(read_train_config(data_dir() / "mini/train-tiny.yaml"), checkpoint_root=folder)
        began = time.perf_counter()
        scores = train(config, {"mse": mean_square, **METRICS})
        seconds = time.perf_counter() - began
        convert(config.run, Path(folder) / "released")
        last = max(path for path in config.run.iterdir() if path.is_dir())
        distance = (planes(Path(folder) / "released") - planes(last)).abs().max().item()
        validations = [{name: float(value) for name, value in row.items()} for row in scores.rows]
    keep("training", {"seconds": seconds, "validations": validations, "planes, converted to last": distance})


if __name__ == "__main__":
    main()
