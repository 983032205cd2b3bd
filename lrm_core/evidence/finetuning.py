"""Fine-tuning as the experiments and the command line run it: which views, which metrics (E13 to E15)."""

from pathlib import Path

from lrm_core.evidence.metrics import image_l1, ssim
from lrm_core.evidence.perceptual import lpips, lpips_with_gradients
from lrm_core.fit.examples import Example
from lrm_core.fit.finetune_config import FinetuneConfig
from lrm_core.fit.trainer import Finetuned, finetune
from lrm_core.model.checkpoints import load_model
from lrm_core.objects import load_split
from lrm_core.render.quality import psnr

TRAINING_VIEWS = range(4)  # as published: the source and three more
EVALUATION_VIEWS = (1, 5, 10, 14, 19, 23)
METRICS = {"l1": image_l1, "psnr": psnr, "ssim": ssim, "lpips": lpips}


def finetune_on_folder(run: Path, model_name: str, data: Path, config: FinetuneConfig) -> Finetuned:
    """Fine-tune a named model on the training split of a folder of rendered objects, and score the other.

    The model is told the source distance of each object, as everywhere else here.

    Args:
        run: folder of the run, as in `finetune`.
        model_name: for `load_model`.
        data: holds objects and `meta/{train,val}_uids.json`.
        config: of the run.

    Raises:
        FileNotFoundError: if the model, a split or an object is missing.
        ValueError: as `load_model`, `load_split` and `finetune`.
    """
    model = load_model(model_name)
    train = [Example.of(model, item, TRAINING_VIEWS) for item in load_split(data, "train")]
    validation = [Example.of(model, item, EVALUATION_VIEWS) for item in load_split(data, "val")]
    return finetune(run, model, train, validation, config, METRICS, lpips_with_gradients)
