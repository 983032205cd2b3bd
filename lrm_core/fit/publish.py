"""From a finished training run to the weights that the book uses, with their card."""

import hashlib
import platform
import shutil
from dataclasses import asdict
from pathlib import Path

import torch

from lrm_core.atomic import replacing
from lrm_core.fit.pretrain import CURVE, Curve, new_state
from lrm_core.fit.pretrain_config import PretrainConfig
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.model.config import LRMConfig
from lrm_core.objects.manifest import make_entry, record_entries
from lrm_core.paths import data_dir

CARD = """# {name}

A reconstruction model with OpenLRM's architecture at small size: one {size} x {size} image to a triplane of
3 x {channels} x {side} x {side}. {parameters:,} parameters. Licence: Apache-2.0.

| | |
|---|---|
| data | {objects:,} procedural objects, made on the fly (`lrm_core/objects/procedural.py`), seeds 0 to {last} |
| supervision | colour and coverage of rendered rays; over the first {shape_until:.0%} of the first round, less and \
less, also whether points in space are inside the object |
| never seen | procedural objects with seeds from 10,000,000 on, and every mesh object |
| steps | {steps:,} of batch {batch}, in {rounds} |
| seconds | {seconds:,.0f} |
| machine | {machine}, {threads} threads, PyTorch {torch} |
| seed | {seed} (weights); the step number fixes every other draw |
| recipe | {recipe} |
| last validation | source view {source} dB, novel views {novel} dB PSNR at 64 x 64 (16 held-out procedural objects) |
| SHA-256 | `{sha256}` |

Made by `lrm pretrain --preset {preset} --out {out}`; the curve is in `pretrain_curve.csv`.

Limits: it knows procedural shapes only; what the source view does not show it fills with an average; its planes
have {side} texels a side, so it cannot carry detail finer than {texel:.3f} world units.
"""


def publish(run: Path, architecture: LRMConfig, config: PretrainConfig, out: Path) -> None:
    """Write the averaged weights of a run as float16 to `out`, with the model card and the curve beside.

    Raises:
        ValueError: if the run has no checkpoint.
        OSError: if a file cannot be written; the old one then stays.
    """
    state = new_state(architecture, config)
    state.load(run / "state.safetensors")
    if state.step == 0:
        raise ValueError(f"{run}: no checkpoint to publish; train with `lrm pretrain` first")
    model, curve = state.averaged(), Curve(run / "curve.csv", state.step)
    metadata = {"steps": str(state.step), "objects": str(state.step * config.batch), "seed": str(config.seed)}
    save_checkpoint(model, out, metadata=metadata)
    with replacing(out.with_name(CURVE)) as temporary:
        shutil.copyfile(run / "curve.csv", temporary)
    scores = [row for row in curve.rows if row["novel_psnr"]][-1]
    card = CARD.format(
        name=f"The {out.stem} model",
        preset=out.stem,
        out=f"data/{out.stem}/{out.name}",
        size=architecture.source_size,
        shape_until=config.shape_until,
        channels=architecture.triplane_dim,
        side=architecture.triplane_high_res,
        texel=2 / architecture.triplane_high_res,
        parameters=sum(p.numel() for p in model.parameters()),
        objects=state.step * config.batch,
        last=f"{state.step * config.batch - 1:,}",
        steps=state.step,
        rounds="one round" if state.step <= config.steps else f"{state.step / config.steps:g} rounds",
        batch=config.batch,
        seconds=curve.seconds,
        machine=platform.machine(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        seed=config.seed,
        recipe=", ".join(f"{key} {value}" for key, value in asdict(config).items()),
        source=scores["source_psnr"],
        novel=scores["novel_psnr"],
        sha256=hashlib.sha256(out.read_bytes()).hexdigest(),
    )
    with replacing(out.with_name("MODEL_CARD.md")) as temporary:
        temporary.write_text(card)
    if out.resolve().is_relative_to(data_dir()):
        _list(data_dir(), out.resolve().parent, (out.name, CURVE, "MODEL_CARD.md"), config.seed)


def _list(data: Path, folder: Path, names: tuple[str, ...], seed: int) -> None:
    """Enter files of the data folder into its manifest."""
    source = f"lrm pretrain --preset {folder.name}"
    paths = [(folder / name).relative_to(data).as_posix() for name in names]
    record_entries(data, [make_entry(data, p, source=source, licence="Apache-2.0", seed=seed) for p in paths])
