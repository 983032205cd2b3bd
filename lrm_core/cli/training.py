"""Commands that train, from scratch and fine-tuning, and the one that writes what comes of it in another format."""

from pathlib import Path
from typing import Any

import click

from lrm_core.cli.options import MODEL_NAME, PATH, output_dir, rendered_objects
from lrm_core.paths import data_dir

SHARED = click.option("--processes", type=int, help="Share each batch among so many; one per core by default.")


@click.command()
@click.option("--preset", default="mini", help="Which model and training recipe.")
@click.option("--run", type=PATH, help="Folder of the run; runs/<preset> by default.")
@click.option("--out", type=PATH, help="Where the averaged weights go when it is done.")
@click.option("--rounds", type=int, help="How often the schedule is run through, in place of the preset's.")
@click.option("--start", type=PATH, help="Published weights to take another round from.")
@click.option("--pool", type=str, help="Meshes by `lrm pool` to train on as well.")
@click.option("--pool-share", type=float, help="Probability that an object comes from the pool.")
@SHARED
def pretrain(
    preset: str, run: Path | None, out: Path | None, start: Path | None, processes: int | None, **changes: Any
) -> None:
    """Train a model from scratch on procedural objects, perhaps with a pool of meshes among them.

    Goes on from the last checkpoint of the run.
    """
    from dataclasses import replace

    from lrm_core.training.pretrain import pretrain_in_processes
    from lrm_core.training.pretrain_config import get_preset
    from lrm_core.training.publish import publish

    architecture, config = get_preset(preset)
    config = replace(config, **{name: value for name, value in changes.items() if value is not None})
    run = run or Path("runs") / preset
    pretrain_in_processes(run, architecture, config, start, processes=processes)
    if out:
        publish(run, architecture, config, out)
        click.echo(f"{out}: averaged weights")


@click.command()
@click.option(
    "--config",
    required=True,
    type=PATH,
    help="YAML in the layout of OpenLRM's train-sample, such as data/mini/train-tiny.yaml.",
)
def train(config: Path) -> None:
    """Train a model on rendered objects as OpenLRM does it: MSE, LPIPS and total variation, random crops.

    Goes on from the last state in the folder checkpoint_root/parent/child.
    """
    from accelerate import Accelerator

    from lrm_core.measure.metrics import METRICS
    from lrm_core.render.quality import mean_square
    from lrm_core.training.upstream.config import read_train_config
    from lrm_core.training.upstream.train import train as trained

    run = read_train_config(config)
    main = Accelerator().is_main_process
    if run.ignored and main:
        click.echo(f"{config}: without effect here: {', '.join(run.ignored)}")
    scores = trained(run, {"mse": mean_square, **METRICS})
    if main:
        for row in scores.rows:
            click.echo(" ".join(f"{name} {float(value):.5g}" for name, value in row.items()))
        click.echo(run.run)


@click.command()
@click.argument("source")
@click.argument("target", type=PATH)
def convert(source: str, target: Path) -> None:
    """Write a model in OpenLRM's released format, or as one file if TARGET ends in .safetensors.

    SOURCE is a name or path as for `lrm evaluate`, or the folder of a run of `lrm train` or `lrm pretrain`.
    """
    from lrm_core.training.publish import convert as converted

    lacks = converted(source, target).config.what_openlrm_lacks()
    click.echo(target)
    if lacks and target.suffix != ".safetensors":
        click.echo(lacks, err=True)


DATA_DIR = rendered_objects("Rendered objects")
FREQ_WEIGHT = click.option(
    "--freq-weight", default=5.0, help="Weight of the error below the cutoff; 1 is the mean squared error."
)
FREQ_CUTOFF = click.option("--freq-cutoff", default=0.3, help="In cycles per pixel (Nyquist is 0.5).")
STEPS = click.option("--steps", default=500)


@click.command()
@click.option("--preset", default="mini-cpu", help="The recipe that is varied.")
@click.option("--variant", "variants", multiple=True, help='Such as "width 128"; every one by default.')
@SHARED
def ablate(preset: str, variants: tuple[str, ...], processes: int | None) -> None:
    """Train variants of a recipe for a short round each, into a table in data/; finished ones are kept."""
    from lrm_core.training import ablation

    out = data_dir() / "mini" / ablation.TABLE
    for row in ablation.ablate(preset, ablation.FOLDER, out, variants or None, processes=processes):
        click.echo(f"{row['variant']}: novel views {float(row['novel_psnr']):.2f} dB")
    click.echo(out)


@click.command()
@click.option("--processes", type=int, help="At once, with one thread each; one per core by default.")
def ladder(processes: int | None) -> None:
    """Train models of growing quality and measure the claims on each: a day on two cores; finished parts are kept."""
    from lrm_core.findings.ladder import EXPERIMENTS
    from lrm_core.profiles import LADDER, PUBLISHED, RUNGS
    from lrm_core.records.runner import record_all
    from lrm_core.training.pretrain import default_processes
    from lrm_core.training.publish import train_rungs

    train_rungs(processes=processes)
    for name in RUNGS:
        for profile in (name, name + PUBLISHED):
            record_all(profile, EXPERIMENTS, processes=processes or default_processes())
    click.echo(LADDER)


@click.command()
@MODEL_NAME
@DATA_DIR
@output_dir("runs/finetune", "Of the run.")
@click.option("--rank", default=4, help="Of the adapters.")
@click.option("--full", is_flag=True, help="Train all weights of the transformer instead of adapters.")
@FREQ_WEIGHT
@FREQ_CUTOFF
@STEPS
@click.option("--lr", type=float, help="Learning rate; 5e-4 by default, 1e-5 with --full.")
@click.option("--batch", default=1, help="Views a step; `accelerate launch` shares them out.")
@click.option("--seed", default=0, help="Of the adapters.")
def finetune(
    model_name: str, data_dir: Path, output_dir: Path, rank: int, full: bool, lr: float | None, **recipe: Any
) -> None:
    """Fine-tune a model with LoRA and FreqLoss; goes on from the last checkpoint in the folder."""
    from accelerate import PartialState

    from lrm_core.fit.losses import ADAPTER_LR, FULL_LR, FinetuneConfig, ImageLoss
    from lrm_core.measure.finetuning import finetune_on_folder

    recipe |= {"rank": None if full else rank, "lr": (FULL_LR if full else ADAPTER_LR) if lr is None else lr}
    loss = ImageLoss(low_weight=recipe.pop("freq_weight"), cutoff=recipe.pop("freq_cutoff"))
    config = FinetuneConfig(loss=loss, **recipe)
    result = finetune_on_folder(output_dir, model_name, data_dir, config)
    if PartialState().is_main_process:
        click.echo(f"{output_dir}: {result.summary()}")


def _whole_numbers(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> list[int]:
    """Numbers given one by one or joined by commas."""
    parts = [part.strip() for value in values for part in value.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise click.BadParameter(f"expected whole numbers such as 2,4,8; found {', '.join(values)}")
    return [int(part) for part in parts]


@click.command("rank-ablation")
@MODEL_NAME
@DATA_DIR
@output_dir("runs/rank_ablation", "Of the run.")
@click.option(
    "--ranks",
    multiple=True,
    default=["2,4,8,16,32"],
    callback=_whole_numbers,
    help="Of the adapters; joined by commas, or the option repeated.",
)
@FREQ_WEIGHT
@FREQ_CUTOFF
@STEPS
@click.option("--lr", default=5e-4, help="Learning rate.")
def rank_ablation(model_name: str, data_dir: Path, output_dir: Path, ranks: list[int], **recipe: Any) -> None:
    """Fine-tune adapters of every rank with MSE and with FreqLoss; finished runs are kept."""
    from lrm_core.fit.losses import FinetuneConfig, ImageLoss
    from lrm_core.measure import finetuning

    freq = ImageLoss(low_weight=recipe.pop("freq_weight"), cutoff=recipe.pop("freq_cutoff"))
    runs = {"ranks": ranks, "losses": {"mse": ImageLoss(), "freq": freq}, "config": FinetuneConfig(**recipe)}
    table = finetuning.rank_ablation(output_dir, model_name, data_dir, **runs)
    click.echo(table.to_string(index=False))
