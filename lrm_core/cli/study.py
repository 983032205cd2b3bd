"""Commands that study rendered objects of one's own: told distance, oracle, spectrum and more."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click

from lrm_core.cli.options import DEVICE, MODEL_NAME, PATH, output_dir, rendered_objects

TRIPLANE_PATH = click.option("--triplane-path", type=PATH, help="Saved planes (safetensors) in place of a fit.")


def _study(
    folder: str, steps: int = 2000, lr: float = 0.01, what: str = "the oracle, where one is fitted"
) -> Callable:
    """The options of all studies; 2,000 steps at 0.01 as published."""
    options = (
        MODEL_NAME,
        rendered_objects("A rendered object or a folder of them"),
        output_dir(f"runs/{folder}", "Where each object gets a folder."),
        click.option("--num-iters", default=steps, help=f"Steps of {what}."),
        click.option("--lr", default=lr, help="First learning rate."),
        click.option("--seed", default=0),
    )
    return lambda command: reduce(lambda of, option: option(of), reversed(options), command)


@click.command()
@_study("tto", 500, 0.005, "Adam")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    help="planes, proximity, low-band, tokens or tokens-lpips; all of them by default.",
)
def tto(num_iters: int, lr: float, variants: tuple[str, ...], seed: int, **place: Any) -> None:
    """Optimise each object at test time on some of its views, and score the held-out ones along the way."""
    from lrm_core.measure.e12_test_time import VARIANTS, LatentOptimisation
    from lrm_core.page.own_data.study import study_test_time

    chosen = [name.replace("-", "_") for name in variants] or list(VARIANTS)
    if unknown := [name for name in chosen if name not in VARIANTS]:
        raise ValueError(f"unknown variant {unknown[0]!r}; expected one of {', '.join(VARIANTS)}")
    config = LatentOptimisation(at_most=num_iters, iterations=num_iters, perceptual_iterations=num_iters, lr=lr)
    _each_object(lambda *of: study_test_time(*of, config, chosen, seed), **place)


@click.command()
@_study("oracle")
@click.option("--init-from-pred", is_flag=True, help="Start at the prediction instead of at noise.")
def oracle(num_iters: int, lr: float, init_from_pred: bool, seed: int, **place: Any) -> None:
    """Fit planes to the views of each object under the frozen decoder; finished objects are kept."""
    from lrm_core.measure.oracles import OracleConfig
    from lrm_core.page.own_data.study import study_oracle

    config, start = OracleConfig(iterations=num_iters, lr=lr), "predicted" if init_from_pred else "random"
    _each_object(lambda *of: study_oracle(*of, config, start, seed), **place)


@click.command()
@_study("spectrum")
@TRIPLANE_PATH
@click.option("--reference", type=PATH, help="Saved planes that are subtracted.")
def spectrum(
    triplane_path: Path | None, reference: Path | None, num_iters: int, lr: float, seed: int, **place: Any
) -> None:
    """Spectrum of prediction minus oracle for each object, or of saved planes, less those of a reference."""
    from lrm_core.measure.oracles import OracleConfig, predicted_planes
    from lrm_core.measure.oracles import oracle as fitted
    from lrm_core.page.own_data.study import saved_residual, study_spectrum

    if triplane_path or reference:
        residual, name = saved_residual(triplane_path, reference), triplane_path.stem
        click.echo(f"{name}: {study_spectrum(residual, place['output_dir'] / name)}")
        return
    config = OracleConfig(iterations=num_iters, lr=lr)

    def study(model, item, folder: Path) -> str:
        target = fitted(model, item, "predicted", config, seed).planes
        return study_spectrum(predicted_planes(model, item) - target, folder)

    _each_object(study, **place)


@click.command()
@_study("response")
@TRIPLANE_PATH
@click.option("--noise-std", default=0.5, help="Of the noise in every channel.")
def response(
    triplane_path: Path | None, noise_std: float, num_iters: int, lr: float, seed: int, **place: Any
) -> None:
    """How much the renders of each object change by noise of each frequency, around its oracle or saved planes."""
    from lrm_core.measure.e06_response import DecoderResponse
    from lrm_core.measure.oracles import OracleConfig
    from lrm_core.measure.oracles import oracle as fitted
    from lrm_core.page.own_data.study import read_planes, study_response

    fit = OracleConfig(iterations=num_iters, lr=lr)
    config = DecoderResponse(oracle=fit, published_std=noise_std)
    saved = read_planes(triplane_path) if triplane_path else None

    def study(model, item, folder: Path) -> str:
        planes = fitted(model, item, "predicted", fit, seed).planes if saved is None else saved
        return study_response(model, item, planes, folder, config, seed)

    _each_object(study, **place)


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=PATH)
@MODEL_NAME
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A CSV of every object.")
@DEVICE
def distance(folders: tuple[Path, ...], model_name: str, out: Path | None, device: str) -> None:
    """Which distance, told to the encoder, makes renders nearest to objects; whether the published 2.0 was wrong."""
    import pandas as pd
    from tqdm import tqdm

    from lrm_core.findings.told_distance import distance_sentence, told_summary
    from lrm_core.measure.e17_source_distance import FACTORS, told_rows
    from lrm_core.model.checkpoints import load_model
    from lrm_core.objects import load_object
    from lrm_core.objects.splits import object_folders
    from lrm_core.page.own_data.study import write_table

    objects = [item for folder in folders for item in object_folders(folder)]
    model = load_model(model_name, device).requires_grad_(False)
    rows = []
    with tqdm(total=len(objects) * (len(FACTORS) + 1), unit="told") as progress:
        for folder in objects:
            for row in told_rows(model, load_object(folder)):
                rows.append(row)
                progress.update()
    table = pd.DataFrame(rows)
    if out:
        write_table(out, table)
    click.echo(told_summary(table).to_string(index=False) + "\n")
    click.echo(distance_sentence(table))


def _each_object(study: Callable[..., str], model_name: str, data_dir: Path, output_dir: Path) -> None:
    """One line for each object: what `study(model, object, folder of its results)` says."""
    import sys

    from tqdm import tqdm

    from lrm_core.model.checkpoints import load_model
    from lrm_core.objects import load_object
    from lrm_core.objects.splits import object_folders

    folders = object_folders(data_dir)
    model = load_model(model_name).eval().requires_grad_(False)
    for folder in tqdm(folders, unit="object", disable=not sys.stderr.isatty(), leave=False):
        item = load_object(folder)
        click.echo(f"{item.name}: {study(model, item, output_dir / item.name)}")
