"""From training runs to the weights that the book uses, to models of growing quality, and to other formats."""

import platform
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from lrm_core.atomic import replacing
from lrm_core.files import digest, read_json
from lrm_core.fit.runs import STATE, Rows, TrainingState, read_training_checkpoint
from lrm_core.model.checkpoints import load_model, read_metadata, save_checkpoint, save_release
from lrm_core.model.config import LRMConfig
from lrm_core.model.hub import WEIGHTS, parameter_count
from lrm_core.model.lrm import LRM
from lrm_core.objects.build import make_entry, record_entries
from lrm_core.objects.pool import LIBRARY, Pool
from lrm_core.paths import data_dir
from lrm_core.profiles import LADDER, RUNGS
from lrm_core.training.pretrain import COLUMNS, CURVE, new_state, pretrain_in_processes
from lrm_core.training.pretrain_batch import open_pool
from lrm_core.training.pretrain_config import PATCH, PretrainConfig, get_preset

PRESET = "mini-cpu"  # of the rungs
CARD = """# {name}

A reconstruction model with OpenLRM's architecture at small size: one {source_size} x {source_size} image \
to a triplane of
3 x {triplane_dim} x {triplane_high_res} x {triplane_high_res}. {parameters:,} parameters. Licence: Apache-2.0.

| | |
|---|---|
| data | {data} |
| supervision | colour and coverage of rendered rays; over the first {shape_until:.0%} of the first round, less and \
less, also whether points in space are inside the object{seen_whole} |
| never seen | procedural objects with seeds from 10,000,000 on, and every {unseen} |
| steps | {steps:,} of batch {batch}, in {rounds} |
| seconds | {seconds:,.0f} |
| machine | {machine}, PyTorch {torch} |
| seed | {seed} (weights); the step number fixes every other draw |
| recipe | {recipe} |
| last validation | source view {source_psnr} dB, novel views {novel_psnr} dB PSNR at 64 x 64 \
(16 held-out procedural objects) |
| SHA-256 | `{sha256}` |

Made by `lrm pretrain --preset {preset} --out {out}{options}`; the curve is in `pretrain_curve.csv`.

Limits: it knows {known} only; what the source view does not show it fills with an average; its planes
have {triplane_high_res} texels a side, so it cannot carry detail finer than {texel:.3f} world units.
{credits}"""
CARD_NAME = "MODEL_CARD.md"
INSIDE = ("config", "format")  # header entries that every file writes for itself
MADE = "made on the fly (`lrm_core/objects/procedural.py`)"


def save_averaged(run: Path, architecture: LRMConfig, config: PretrainConfig, out: Path) -> TrainingState:
    """Write the averaged weights of a run as float16 to `out`; returns the state; raises as `publish`."""
    state = new_state(architecture, config)
    state.load(run / STATE)
    if state.step == 0:
        raise ValueError(f"{run}: no checkpoint to publish; train with `lrm pretrain` first")
    metadata = {"steps": str(state.step), "objects": str(state.step * config.batch), "seed": str(config.seed)}
    save_checkpoint(state.averaged(), out, metadata=metadata)
    return state


def publish(run: Path, architecture: LRMConfig, config: PretrainConfig, out: Path) -> None:
    """Write the averaged weights of a run as float16 to `out`, with the model card and the curve beside.

    ValueError if the run has no checkpoint. OSError if a file cannot be written; the old one then stays.
    """
    state = save_averaged(run, architecture, config, out)
    curve = Rows(run / "curve.csv", COLUMNS, state.step)
    with replacing(out.with_name(CURVE)) as temporary:
        shutil.copyfile(run / "curve.csv", temporary)
    scores = [row for row in curve.rows if row["novel_psnr"]][-1]
    cuda = torch.cuda.is_available()
    where = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} threads"
    facts = vars(architecture) | vars(config) | _data(state.step * config.batch, config) | scores
    facts |= {
        "name": f"The {out.stem} model",
        "preset": out.stem,
        "out": f"data/{out.stem}/{out.name}",
        "texel": 2 / architecture.triplane_high_res,
        "parameters": parameter_count(architecture),
        "steps": state.step,
        "rounds": "one round" if state.step <= config.steps else f"{state.step / config.steps:g} rounds",
        "seconds": curve.last("seconds"),
        "machine": f"{platform.machine()}, {where}",
        "torch": torch.__version__,
        "recipe": ", ".join(f"{key} {value}" for key, value in config.in_force().items()),
        "sha256": digest(out)[0],
    }
    with replacing(out.with_name(CARD_NAME)) as temporary:
        temporary.write_text(CARD.format_map(facts))
    made = [out, out.with_name(CURVE), out.with_name(CARD_NAME)]
    list_made(made, f"lrm pretrain --preset {out.stem}", config.seed)


def train_rungs(
    folder: Path = LADDER, steps: Iterable[int] = tuple(RUNGS.values()), *, processes: int | None = None
) -> list[Path]:
    """Models of growing quality: the averages of one run of `PRESET`, in the folder's "run", at each of the steps.

    Files that exist stay; raises as `pretrain_in_processes`.
    """
    architecture, config = get_preset(PRESET)
    paths = [folder / f"{step}.safetensors" for step in sorted(steps)]
    for path in paths:
        if not path.exists():
            run = folder / "run"
            pretrain_in_processes(run, architecture, config, until=int(path.stem), processes=processes)
            save_averaged(run, architecture, config, path)
    return paths


def _data(objects: int, config: PretrainConfig) -> dict[str, str]:
    """What the card says about the training objects, and whom it names."""
    seeds = f"seeds 0 to {objects - 1:,}"
    late = f"; from {config.lpips_from:.0%} of the first round on, also LPIPS of squares of {PATCH} pixels"
    words = {"seen_whole": late if config.lpips_weight else "", "credits": "", "options": ""}
    if config.pool is None:
        made = f"{objects:,} procedural objects, {MADE}, {seeds}"
        return words | {"data": made, "unseen": "mesh object", "known": "procedural shapes"}
    pool = open_pool(config.pool)
    return words | {
        "data": f"{objects:,} objects: each, with a probability of {config.pool_share:.0%}, one of {len(pool)} "
        f"meshes of a pool (digest {pool.digest}, credited in the card), else a procedural object, {MADE}, {seeds}",
        "unseen": f"mesh in `data/objects` and in the library {LIBRARY}",
        "known": "procedural shapes and the meshes of its pool",
        "credits": _credits(pool),
        "options": f" --pool FOLDER --pool-share {config.pool_share:g}",
    }


def _credits(pool: Pool) -> str:
    """Every author of the pool's meshes by licence, as Markdown."""
    authors = defaultdict(set)
    for credit in pool.credits:
        authors[credit.licence or "no licence stated"].add(credit.author or "unknown author")
    lines = [f"- {licence}: {', '.join(sorted(names))}" for licence, names in sorted(authors.items())]
    return "\nThe meshes of the pool, by licence, are the work of:\n\n" + "\n".join(lines) + "\n"


def list_made(paths: Sequence[Path], source: str, seed: int) -> None:
    """Enter files made by the command `source` into the manifest of the data folder, if they lie there."""
    data = data_dir()
    found = [path.resolve() for path in paths if path.resolve().is_relative_to(data)]
    if inside := [path.relative_to(data).as_posix() for path in found]:
        how = {"source": source, "licence": "Apache-2.0", "seed": seed}
        record_entries(data, [make_entry(data, path, **how) for path in inside])


def convert(source: str | Path, target: Path) -> LRM:
    """Write a model anew, in float32: to a file if `target` ends in .safetensors, else to a folder as OpenLRM's.

    FileExistsError if there is something at `target`. FileNotFoundError or ValueError as `load_model`, or if a run's
    state is not that of a whole model.

    The source is a name or path for `load_model`, or a run of training: its folder, or its state.safetensors. Of a
    run's state the averaged weights are taken where it keeps an average. Steps and other text in the header of the
    source's weights are kept. The target must not exist yet.
    """
    if target.exists():
        raise FileExistsError(f"{target}: exists already; remove it or choose another place")
    path = Path(source)
    state = path / STATE if (path / STATE).is_file() else path
    if state.name == STATE and state.is_file():
        model, metadata = _of_run(state)
    else:
        model, weights = load_model(source), path / WEIGHTS if path.is_dir() else path
        found = read_metadata(weights) if weights.is_file() else {}
        metadata = {key: value for key, value in found.items() if key not in INSIDE}
    if target.suffix == ".safetensors":
        save_checkpoint(model, target, torch.float32, metadata)
    else:
        save_release(model, target, metadata)
    return model


def _of_run(state: Path) -> tuple[LRM, dict[str, str]]:
    """The model of a run whose config.json lies beside its state."""
    place = state.with_name("config.json")
    try:
        described = read_json(place).get("model")
    except (FileNotFoundError, ValueError, AttributeError) as error:
        raise ValueError(f"{place}: expected the configuration of the run beside its state ({error})") from error
    if not isinstance(described, dict):
        advice = "convert the model.safetensors that it ends with, or merge its adapters"
        raise ValueError(f"{state}: the state of a fine-tuning holds only what it trains; {advice}")
    stored, step = read_training_checkpoint(state)
    kind = "average." if any(name.startswith("average.") for name in stored) else "weight."
    weights = {name.removeprefix(kind): value for name, value in stored.items() if name.startswith(kind)}
    model = LRM(LRMConfig.from_openlrm(described)).eval()
    try:
        model.load_openlrm_state_dict(weights)
    except ValueError as error:
        raise ValueError(f"{state}: {error}") from error
    return model, {"steps": str(step)}
