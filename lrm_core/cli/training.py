"""Commands that train: from scratch, and fine-tuning."""

from pathlib import Path

import click


@click.command()
@click.option("--preset", default="mini", show_default=True, help="Which model and training recipe.")
@click.option("--run", type=click.Path(path_type=Path), help="Folder of the run; runs/<preset> by default.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the averaged weights go when it is done.")
@click.option("--rounds", type=int, help="How often the schedule is run through, in place of the preset's.")
@click.option(
    "--start", type=click.Path(path_type=Path), help="Published weights to take another round from."
)
@click.option("--processes", type=int, help="Share each batch among so many; one per core by default.")
def pretrain(
    preset: str,
    run: Path | None,
    out: Path | None,
    rounds: int | None,
    start: Path | None,
    processes: int | None,
) -> None:
    """Train a model from scratch on procedural objects; goes on from the last checkpoint of the run."""
    from dataclasses import replace

    from lrm_core.fit.launch import pretrain_in_processes
    from lrm_core.fit.pretrain_config import get_preset
    from lrm_core.fit.publish import publish

    architecture, config = get_preset(preset)
    config = replace(config, rounds=rounds or config.rounds)
    run = run or Path("runs") / preset
    pretrain_in_processes(run, architecture, config, start, processes=processes)
    if out:
        publish(run, architecture, config, out)
        click.echo(f"{out}: averaged weights")


@click.command()
@click.option("--model-name", default="mini", show_default=True, help="Name or path of the model.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Rendered objects; the small ones by default."
)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    default="runs/finetune",
    show_default=True,
    help="Of the run.",
)
@click.option("--rank", default=4, show_default=True, help="Of the adapters.")
@click.option("--full", is_flag=True, help="Train all weights of the transformer instead of adapters.")
@click.option(
    "--freq-weight",
    "--freq_weight",
    default=5.0,
    show_default=True,
    help="Weight of the error below the cutoff; 1 is the mean squared error.",
)
@click.option(
    "--freq-cutoff",
    "--freq_cutoff",
    default=0.3,
    show_default=True,
    help="In cycles per pixel (Nyquist is 0.5).",
)
@click.option("--steps", default=500, show_default=True)
@click.option("--lr", type=float, help="Learning rate; 5e-4 by default, 1e-5 with --full.")
@click.option(
    "--batch", default=1, show_default=True, help="Views a step; `accelerate launch` shares them out."
)
@click.option("--seed", default=0, show_default=True, help="Of the adapters.")
def finetune(
    model_name: str,
    data_dir: Path | None,
    output_dir: Path,
    rank: int,
    full: bool,
    freq_weight: float,
    freq_cutoff: float,
    steps: int,
    lr: float | None,
    batch: int,
    seed: int,
) -> None:
    """Fine-tune a model with LoRA and FreqLoss; goes on from the last checkpoint in the folder."""
    from accelerate import PartialState

    from lrm_core.evidence.finetuning import finetune_on_folder
    from lrm_core.fit.finetune_config import ADAPTER_LR, FULL_LR, FinetuneConfig
    from lrm_core.fit.losses import ImageLoss
    from lrm_core.paths import data_dir as repository_data

    config = FinetuneConfig(
        rank=None if full else rank,
        loss=ImageLoss(low_weight=freq_weight, cutoff=freq_cutoff),
        steps=steps,
        lr=lr or (FULL_LR if full else ADAPTER_LR),
        batch=batch,
        seed=seed,
    )
    data = data_dir or repository_data() / "mini/objects/procedural"
    result = finetune_on_folder(output_dir, model_name, data, config)
    if PartialState().is_main_process:
        click.echo(f"{output_dir}: {result.summary()}")
