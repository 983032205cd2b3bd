"""Fine-tuning as the experiments and the command line run it: which views, which metrics (E13 to E15)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from lrm_core.atomic import replacing
from lrm_core.fit.examples import Example
from lrm_core.fit.finetune_config import FinetuneConfig
from lrm_core.fit.losses import ImageLoss
from lrm_core.fit.trainer import Finetuned, finetune
from lrm_core.measure.metrics import image_l1, ssim
from lrm_core.model.checkpoints import load_model
from lrm_core.objects import load_split
from lrm_core.render.perceptual import lpips, lpips_with_gradients
from lrm_core.render.quality import psnr

TRAINING_VIEWS = range(4)  # as published: the source and three more
EVALUATION_VIEWS = (1, 5, 10, 14, 19, 23)
METRICS = {"l1": image_l1, "psnr": psnr, "ssim": ssim, "lpips": lpips}


def finetune_on_folder(run: Path, model_name: str, data: Path, config: FinetuneConfig) -> Finetuned:
    """Fine-tune a named model on the training split of a folder of rendered objects, and score the other.

    The model is told the source distance of each object, as everywhere else here.

    Args:
        run: folder of the run, as in `finetune`.
        data: holds objects and `meta/{train,val}_uids.json`.

    Raises:
        FileNotFoundError: if the model, a split or an object is missing.
        ValueError: as `load_model`, `load_split` and `finetune`.
    """
    model = load_model(model_name)
    train = [Example.of(model, item, TRAINING_VIEWS) for item in load_split(data, "train")]
    validation = [Example.of(model, item, EVALUATION_VIEWS) for item in load_split(data, "val")]
    return finetune(run, model, train, validation, config, METRICS, lpips_with_gradients)


def rank_ablation(
    output: Path,
    model_name: str,
    data: Path,
    ranks: Sequence[int],
    losses: Mapping[str, ImageLoss],
    config: FinetuneConfig,
) -> pd.DataFrame:
    """Fine-tune adapters of every rank with every loss on a folder of rendered objects (experiment E15).

    Args:
        output: gets a folder for each run, `<loss>_r<rank>`, and `rank_ablation.csv`.
        model_name, data: as in `finetune_on_folder`, as are the errors.
        config: of all runs but for rank and loss.

    Returns:
        One row per run and one for the untouched model (rank 0): rank, loss, and the metrics as means over the
        validation objects, PSNR in dB.
    """
    rows = []
    for rank in ranks:
        for name, loss in losses.items():
            run = replace(config, rank=rank, loss=loss)
            done = finetune_on_folder(output / f"{name}_r{rank}", model_name, data, run)
            rows.append({"rank": rank, "loss": name, **done.means(config.steps)})
    table = pd.DataFrame([{"rank": 0, "loss": "", **done.means(0)}, *rows])
    with replacing(output / "rank_ablation.csv") as temporary:
        table.to_csv(temporary, index=False)
    return table
