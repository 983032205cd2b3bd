"""Short trainings that each change one thing of a recipe, to see what matters before a long one."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from lrm_core.atomic import replacing
from lrm_core.fit.runs import Rows
from lrm_core.model.config import LRMConfig
from lrm_core.model.hub import parameter_count
from lrm_core.training.pretrain import COLUMNS, pretrain_in_processes
from lrm_core.training.pretrain_config import PretrainConfig, get_preset
from lrm_core.training.publish import list_made

FOLDER, TABLE = Path("runs/ablation"), "ablation.csv"
STEPS, WARMUP = 200, 50

Changes = tuple[dict[str, Any], dict[str, Any]]


def _width(width: int) -> Changes:
    vit = {"embed_dim": width, "num_heads": width // 64}
    changes = {"transformer_dim": width, "transformer_heads": width // 64, "encoder_feat_dim": width}
    return changes | {"vit": vit}, {}


# Fields that change, of `LRMConfig` (those of the encoder by the key "vit") and of `PretrainConfig`
VARIANTS: dict[str, Changes] = {
    "as trained": ({}, {}),
    "learning rates halved": ({}, {"matrix_lr": 1e-3, "lr": 5e-4}),
    "learning rates doubled": ({}, {"matrix_lr": 4e-3, "lr": 2e-3}),
    "width 128": _width(128),
    "width 256": _width(256),
    "encoder of 3 blocks": ({"vit": {"depth": 3}}, {}),
    "encoder of 9 blocks": ({"vit": {"depth": 9}}, {}),
    "transformer of 2 layers": ({"transformer_layers": 2}, {}),
    "transformer of 8 layers": ({"transformer_layers": 8}, {}),
    "planes of 48": ({"triplane_low_res": 24, "triplane_high_res": 48}, {}),
    "planes of 64": ({"triplane_low_res": 32, "triplane_high_res": 64}, {}),
    "256 rays": ({}, {"rays": 256}),
    "1024 rays": ({}, {"rays": 1024}),
    "float32": ({}, {"precision": "float32"}),
}


def ablate(
    preset: str,
    folder: Path,
    out: Path,
    variants: Iterable[str] | None = None,
    *,
    steps: int = STEPS,
    processes: int | None = None,
) -> list[dict[str, str]]:
    """Train every variant of a preset for a short round, and write one row of each to `out`.

    All see the same objects in the same order. Finished variants are kept, an unfinished one goes on. A table in
    the data folder is listed in its manifest.

    Args:
        folder: holds one run of each variant.
        out: a CSV: variant, parameters (in all), objects, seconds, source_psnr and novel_psnr (dB, validation).
        variants: names; all if None. ValueError if one, or the preset, is unknown.
        steps: of each round, instead of those of the preset.
    """
    chosen = list(variants or VARIANTS)
    if unknown := [name for name in chosen if name not in VARIANTS]:
        raise ValueError(f"unknown variant {unknown[0]!r}; expected one of {', '.join(VARIANTS)}")
    architecture, recipe = get_preset(preset)
    recipe = shortened(recipe, steps)
    rows = []
    for name in chosen:
        run, changed = folder / name.replace(" ", "_"), varied(name, architecture, recipe)
        pretrain_in_processes(run, *changed, processes=processes)
        last = Rows(run / "curve.csv", COLUMNS, steps).rows[-1]
        shown = {column: last[column] for column in ("objects", "seconds", "source_psnr", "novel_psnr")}
        rows.append({"variant": name, "parameters": str(parameter_count(changed[0]))} | shown)
        with replacing(out) as temporary:
            pd.DataFrame(rows).to_csv(temporary, index=False, lineterminator="\r\n")
        list_made([out], f"lrm ablate --preset {preset}", recipe.seed)
    return rows


def shortened(recipe: PretrainConfig, steps: int = STEPS) -> PretrainConfig:
    """A recipe as one short round that is validated at its end."""
    return replace(recipe, steps=steps, warmup=WARMUP, rounds=1, validate_every=steps)


def varied(name: str, architecture: LRMConfig, recipe: PretrainConfig) -> tuple[LRMConfig, PretrainConfig]:
    """The pair as a variant changes it."""
    sizes, settings = VARIANTS[name]
    if "vit" in sizes:
        sizes = sizes | {"vit": replace(architecture.vit, **sizes["vit"])}
    return replace(architecture, **sizes), replace(recipe, **settings)
