"""Short trainings that each change one thing of a recipe, to see what matters before a long one."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from lrm_core.atomic import replacing
from lrm_core.model.config import LRMConfig
from lrm_core.model.lrm import LRM
from lrm_core.training.launch import pretrain_in_processes
from lrm_core.training.pretrain import Curve
from lrm_core.training.pretrain_config import PretrainConfig, get_preset
from lrm_core.training.publish import list_made

FOLDER, TABLE = Path("runs/ablation"), "ablation.csv"
STEPS, WARMUP = 200, 50


@dataclass(frozen=True)
class Variant:
    """One change of architecture or recipe.

    Attributes:
        name: of its folder and its row.
        architecture, recipe: fields that it changes, of `LRMConfig` (those of the encoder by the key "vit") and of
            `PretrainConfig`.
    """

    name: str
    architecture: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)

    def of(self, architecture: LRMConfig, recipe: PretrainConfig) -> tuple[LRMConfig, PretrainConfig]:
        """The changed pair."""
        changes = dict(self.architecture)
        if "vit" in changes:
            changes["vit"] = replace(architecture.vit, **changes["vit"])
        return replace(architecture, **changes), replace(recipe, **self.recipe)


def _width(width: int) -> Variant:
    vit = {"embed_dim": width, "num_heads": width // 64}
    changes = {"transformer_dim": width, "transformer_heads": width // 64, "encoder_feat_dim": width}
    return Variant(f"width {width}", changes | {"vit": vit})


def _planes(side: int) -> Variant:
    return Variant(f"planes of {side}", {"triplane_low_res": side // 2, "triplane_high_res": side})


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("as trained"),
        Variant("learning rates halved", recipe={"matrix_lr": 1e-3, "lr": 5e-4}),
        Variant("learning rates doubled", recipe={"matrix_lr": 4e-3, "lr": 2e-3}),
        _width(128),
        _width(256),
        Variant("encoder of 3 blocks", {"vit": {"depth": 3}}),
        Variant("encoder of 9 blocks", {"vit": {"depth": 9}}),
        Variant("transformer of 2 layers", {"transformer_layers": 2}),
        Variant("transformer of 8 layers", {"transformer_layers": 8}),
        _planes(48),
        _planes(64),
        Variant("256 rays", recipe={"rays": 256}),
        Variant("1024 rays", recipe={"rays": 1024}),
        Variant("float32", recipe={"precision": "float32"}),
    )
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
        preset: of `get_preset`.
        folder: holds one run of each variant.
        out: a CSV: variant, parameters (in all), objects, seconds, source_psnr and novel_psnr (dB, validation).
        variants: names; all if None.
        steps: of each round, instead of those of the preset.
        processes: as in `pretrain_in_processes`.

    Returns:
        The rows that were written.

    Raises:
        ValueError: if a variant or the preset is unknown.
    """
    chosen = [get_variant(name) for name in variants or VARIANTS]
    architecture, recipe = get_preset(preset)
    recipe = shortened(recipe, steps)
    rows = []
    for variant in chosen:
        run, changed = folder / variant.name.replace(" ", "_"), variant.of(architecture, recipe)
        pretrain_in_processes(run, *changed, processes=processes)
        rows.append({"variant": variant.name} | _outcome(run, *changed))
        with replacing(out) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        list_made([out], f"lrm ablate --preset {preset}", recipe.seed)
    return rows


def shortened(recipe: PretrainConfig, steps: int = STEPS) -> PretrainConfig:
    """A recipe as one short round that is validated at its end."""
    return replace(recipe, steps=steps, warmup=WARMUP, rounds=1, validate_every=steps)


def get_variant(name: str) -> Variant:
    """The variant of that name; raises ValueError if there is none."""
    if name not in VARIANTS:
        raise ValueError(f"unknown variant {name!r}; expected one of {', '.join(VARIANTS)}")
    return VARIANTS[name]


def _outcome(run: Path, architecture: LRMConfig, recipe: PretrainConfig) -> dict[str, str]:
    """Size, cost and last validation of a finished run."""
    last = Curve(run / "curve.csv", recipe.steps).rows[-1]
    with torch.device("meta"):
        parameters = sum(p.numel() for p in LRM(architecture).parameters())
    shown = ("objects", "seconds", "source_psnr", "novel_psnr")
    return {"parameters": str(parameters)} | {name: last[name] for name in shown}
