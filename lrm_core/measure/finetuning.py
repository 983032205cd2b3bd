"""Fine-tuning as the experiments and the command line run it: which objects and views, which metrics (E13 to E15)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import pandas as pd
import torch

from lrm_core.atomic import replacing
from lrm_core.files import HASH_LENGTH, sha256
from lrm_core.fit.losses import FinetuneConfig, ImageLoss
from lrm_core.fit.scores import Example, render_example
from lrm_core.fit.trainer import Finetuned, finetune
from lrm_core.measure.metrics import METRICS, mean_scores, relative_extent
from lrm_core.model.checkpoints import load_model
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, load_object, load_split
from lrm_core.objects.dataset import data_hash
from lrm_core.profiles import Profile
from lrm_core.render.quality import lpips_with_gradients

TRAINING_VIEWS = range(4)  # as published: the source and three more
EVALUATION_VIEWS = (1, 5, 10, 14, 19, 23)


def object_folders(profile: Profile) -> tuple[list[Path], list[Path]]:
    """Folders of the objects that arms train on and of those that validate; no object is in both.

    FileNotFoundError if a group of the profile is missing, ValueError if it has too few objects.
    """
    (train, validation), found = profile.finetuning.objects, ([], [])
    for members in profile.members():
        if len(members) < train + validation:
            raise ValueError(
                f"{members[0].parent}: expected at least {train + validation} objects, found {len(members)}"
            )
        found[0].extend(members[:train])
        found[1].extend(members[train : train + validation])
    return found


class ArmData(NamedTuple):
    """What an arm trains on and what it is scored on."""

    train: list[Example]
    validation: list[Example]

    def shuffled(self) -> Self:
        """The same with the true views of the next training object in place of each one's own."""
        others = [*self.train[1:], *self.train[:1]]
        pairs = zip(self.train, others, strict=True)
        return self._replace(train=[replace(example, views=other.views) for example, other in pairs])


def objects_hash(train: Sequence[Path], validation: Sequence[Path]) -> str:
    """Digest of all objects, in order and by what they are for.

    It stands for the files and not for what the encoder makes of them, whose last digits are those of a machine.
    """
    parts = [[(folder.name, data_hash(load_object(folder))) for folder in part] for part in (train, validation)]
    return sha256(repr(parts))[:HASH_LENGTH]


def make_examples(
    model: LRM,
    folders: Sequence[Path],
    views: Sequence[int],
    told: Callable[[RenderedObject], float | None],
    side: int | None = None,
) -> list[Example]:
    """`Example.of` each object, averaged to `side` pixels; `told` is the source distance that the encoder is told.

    The encoder runs in one thread, so that a run resumes in any number of them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        items = (load_object(folder).averaged(side) for folder in folders)
        return [Example.of(model, item, views, told(item)) for item in items]
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def told_and_truth(
    untouched: LRM, tuned: LRM, told: Sequence[Example], truth: Sequence[Example]
) -> dict[str, dict[str, Any]]:
    """Both models on the same validation objects in the same order, told as in training and told the truth.

    Returns:
        By object, lists of two values, before and after: `truth`, each metric told the truth; `extent`, size of the
        renders over that of the true views, mean over views, `told` as in training and told the `truth`.
    """
    learned = {}
    for wrong, right in zip(told, truth, strict=True):
        as_told, as_true = (
            [render_example(model, of, of.views.cameras) for model in (untouched, tuned)] for of in (wrong, right)
        )
        true = right.views.images
        scores = [mean_scores(seen, true) for seen in as_true]
        learned[wrong.name] = {
            "truth": {name: [of[name] for of in scores] for name in METRICS},
            "extent": {
                "told": [relative_extent(seen, wrong.views.images) for seen in as_told],
                "truth": [relative_extent(seen, true) for seen in as_true],
            },
        }
    return learned


def finetune_on_folder(run: Path, model_name: str, data: Path, config: FinetuneConfig) -> Finetuned:
    """Fine-tune a named model on the training split of a folder of rendered objects, and score the other.

    The model is told the source distance of each object, as everywhere else here.

    Args:
        run: folder of the run, as in `finetune`.
        data: holds objects and `meta/{train,val}_uids.json`.

    Raises as `load_model`, `load_split` and `finetune`.
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

    One row per run and one for the untouched model (rank 0): rank, loss, and the metrics as means over the validation
    objects, PSNR in dB.
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
