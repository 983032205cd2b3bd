"""The command `lrm`. Everything heavy is imported by the command that needs it."""

import errno
import sys
from pathlib import Path
from typing import Any

import click

PROFILE = click.option(
    "--profile", default="mini", show_default=True, help="smoke (tests), mini (CPU) or paper (CUDA)."
)
REFRESH = click.option("--refresh", is_flag=True, help="Recompute what is stored already.")


class OneSentenceErrors(click.Group):
    """A group whose commands end in one sentence on standard error instead of a traceback."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; exit code 2 on an error that has an explanation, 130 on Ctrl-C."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            _stop("Interrupted; finished work is kept.", 130)
        except (ValueError, OSError) as error:
            _stop(f"Error: {_explain(error)}", 2)


def _stop(message: str, exit_code: int) -> None:
    click.echo(message, err=True)
    sys.exit(exit_code)


def _explain(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        place = error.filename or "the disk"
        return f"no space left on {place}: free some and run the command again; finished work is kept."
    return str(error) or type(error).__name__


@click.group(cls=OneSentenceErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lrm_core")
def main() -> None:
    """An executable, audited paper on the frequency mismatch of feed-forward image-to-3D models."""


@main.command()
@PROFILE
@click.option("--notebook", help='Only the notebook whose name starts so, such as "02".')
@REFRESH
@click.option("--device", help="cpu or cuda; the profile's own by default.")
def reproduce(profile: str, notebook: str | None, refresh: bool, device: str | None) -> None:
    """Run the notebooks through papermill; those with nothing changed are kept."""
    from lrm_core.profiles import get_profile
    from lrm_core.reexecute import chapters, reexecute

    device = device or get_profile(profile).device
    reexecute(chapters(profile, device=device, notebook=notebook, refresh=refresh), report=click.echo)


@main.command()
@PROFILE
def site(profile: str) -> None:
    """Build the pages from the executed notebooks into _build/html."""
    from lrm_core.site import build_site

    built = build_site(profile)
    click.echo(f"{'Up to date' if built.cached else f'Built in {built.seconds:.1f} s'}: {built.index}")
    click.echo("Open that file in a browser, or serve it and open http://localhost:8000:")
    click.echo(f"  {sys.executable} -m http.server -d {built.index.parent} 8000")


@main.command()
@click.argument("mesh", metavar="FILE_OR_FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="rendered",
    show_default=True,
    help="Folder for the rendered objects.",
)
@click.option("--views", default=32, show_default=True)
@click.option("--resolution", default=128, show_default=True, help="Pixels per side.")
@click.option("--seed", default=0, show_default=True, help="Of the cameras.")
def render(mesh: Path, out: Path, views: int, resolution: int, seed: int) -> None:
    """Render a mesh (GLB, OBJ or PLY), or every mesh of a folder, in the format of rendered objects."""
    from lrm_core.objects.build import render_path

    report = render_path(mesh, out, views=views, resolution=resolution, seed=seed)
    click.echo(f"{out}: {len(report.rendered)} rendered, {len(report.kept)} kept")
    if report.failed:
        raise ValueError("\n".join(report.failed.values()))


@main.command()
def objects() -> None:
    """Render the objects that come with the repository into data/mini/objects; finished ones are kept."""
    from lrm_core.objects.build import build_mini_objects
    from lrm_core.paths import data_dir

    build_mini_objects(data_dir())


@main.command()
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


@main.command()
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


@main.command()
@PROFILE
@click.option("--experiment", "experiments", multiple=True, help="Such as e02; every one by default.")
@REFRESH
@click.option("--processes", type=int, help="Objects at once; one per core by default.")
def records(profile: str, experiments: tuple[str, ...], refresh: bool, processes: int | None) -> None:
    """Compute the records of the experiments that are not in the results store yet."""
    from lrm_core.evidence.runner import record_all
    from lrm_core.fit.launch import default_processes

    record_all(profile, experiments or None, refresh, processes=processes or default_processes())


@main.command()
def ship() -> None:
    """Keep in data/ the oracles that the chapters measure live, once the records are made."""
    from lrm_core.evidence.shipping import ship_oracles

    for path in ship_oracles():
        click.echo(path)


@main.command()
@PROFILE
def verdicts(profile: str) -> None:
    """Print what became of each published claim."""
    from lrm_core.evidence import verdicts as table

    click.echo(table(profile=profile).to_string(index=False))
