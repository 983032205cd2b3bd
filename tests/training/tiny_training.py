"""A tiny run in OpenLRM's layout for tests of `lrm train`."""

import copy
from pathlib import Path
from typing import Any

import yaml
from tiny_folder import TINY, save_square

from lrm_core.objects.files import write_json
from lrm_core.training.upstream.config import TrainConfig, read_train_config

VIEWS = 6


def tiny_layout(folder: Path) -> dict[str, Any]:
    """Four training objects and one held out, rendered into `folder/objects`, and a run of four steps on them."""
    names = [f"square_{seed}" for seed in range(5)]
    for seed, name in enumerate(names):
        if not (folder / "objects" / name).exists():
            save_square(folder / "objects" / name, seed, VIEWS)
    lists = {split: folder / "objects/meta" / f"{split}_uids.json" for split in ("train", "val")}
    for split, members in (("train", names[:4]), ("val", names[4:])):
        write_json(lists[split], members)
    model = TINY.to_dict()
    del model["source_size"], model["render_size"]
    subset = {
        "name": "objaverse",
        "root_dirs": [str(folder / "elsewhere"), str(folder / "objects")],
        "meta_path": {split: str(path) for split, path in lists.items()},
        "sample_rate": 1.0,
    }
    return {
        "experiment": {"type": "lrm", "seed": 1, "parent": "runs", "child": "tiny"},
        "model": model,
        "dataset": {
            "subsets": [subset],
            "sample_side_views": 1,
            "source_image_res": 32,
            "render_image": {"low": 32, "high": 40, "region": 32},
        },
        "train": {
            "mixed_precision": "no",
            "loss": {"pixel_weight": 1.0, "perceptual_weight": 1.0, "tv_weight": "5e-4"},
            "optim": {"lr": 1e-3, "weight_decay": 0.05, "beta1": 0.9, "beta2": 0.95, "clip_grad_norm": 1.0},
            "scheduler": {"type": "cosine", "warmup_real_iters": 1},
            "batch_size": 2,
            "epochs": 2,
        },
        "val": {"batch_size": 1, "global_step_period": 2},
        "saver": {"checkpoint_root": str(folder), "checkpoint_global_steps": 1, "checkpoint_keep_level": 2},
    }


def changed(layout: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy with other values; keys are joined by two underscores, and None takes a key away."""
    layout = copy.deepcopy(layout)
    for name, value in changes.items():
        *above, last = name.split("__")
        place = layout
        for part in above:
            place = place[part]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return layout


def write_layout(path: Path, layout: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(layout))
    return path


def tiny_config(folder: Path, **changes: Any) -> TrainConfig:
    return read_train_config(write_layout(folder / "run.yaml", changed(tiny_layout(folder), **changes)))
