"""Commands that ask a model: assets of pictures, scores and studies of rendered objects."""

import sys
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click

from lrm_core.cli.options import DEVICE, MODEL_NAME, PATH, output_dir, rendered_objects


@click.command()
@click.argument("pictures", metavar="IMAGE_OR_FOLDER", type=PATH)
@MODEL_NAME
@output_dir("predicted", "A folder for each picture goes there.", "--out")
@click.option(
    "--formats", help="Of glb, obj, ply, textured, mp4, gif, webp, planes, sheet, with commas; all by default."
)
@click.option("--source-distance", default=2.0, help="Of the camera, in world units.")
@click.option("--keep-framing", is_flag=True, help="The picture is framed as in training already.")
@click.option("--resolution", default=128, help="Cells of the mesh along each axis.")
@click.option("--density", default=2.0, help="Of the surface, in 1 / world unit.")
@click.option("--frames", default=48, help="Of the film.")
@DEVICE
def predict(
    pictures: Path, model_name: str, output_dir: Path, device: str, formats: str | None, **settings: Any
) -> None:
    """Turn a picture (PNG, JPEG, WebP), or every one of a folder, into meshes and films; finished ones are kept."""
    from lrm_core.predict import PredictConfig, predict_path

    chosen = {"formats": tuple(formats.split(","))} if formats else {}
    report = predict_path(model_name, pictures, output_dir, PredictConfig(**chosen, **settings), device)
    click.echo(f"{output_dir}: {len(report.made)} made, {len(report.kept)} kept, {len(report.failed)} failed")
    if report.failed:
        raise ValueError("\n".join(report.failed.values()))


@click.command()
@MODEL_NAME
@click.option("--port", default=7860, help="Of this machine; no other machine reaches it.")
def app(model_name: str, port: int) -> None:
    """Serve a page to this machine that does what `predict` does, until Ctrl-C; needs gradio."""
    from lrm_core.predict.app import serve

    serve(model_name, port, click.echo)


@click.command()
@click.argument("arguments", metavar="MODEL FOLDER...", nargs=-1, required=True, type=PATH)
@click.option("--model-name", "--model", help="Name or path of the model, instead of the first argument.")
@output_dir("evaluated", "Of the page and the tables.", "--out")
@click.option("--split", default="all", help="train, val or all, by the folder's meta.")
@DEVICE
def evaluate(arguments: tuple[Path, ...], model_name: str | None, output_dir: Path, split: str, device: str) -> None:
    """Score a model, by name or path, on rendered objects: each view against its image, as tables and a page."""
    from lrm_core.model.checkpoints import load_model
    from lrm_core.predict import evaluate as scores
    from lrm_core.predict.evaluation_page import PAGE, object_table, subject_of, summary_table, write_evaluation

    folders = arguments if model_name else arguments[1:]
    model_name = model_name or str(arguments[0])
    if not folders:
        raise click.UsageError("Missing argument 'FOLDER...'.")
    scores.listed_objects(folders, split)
    model = load_model(model_name, device).requires_grad_(False)
    output_dir.mkdir(parents=True, exist_ok=True)
    found = scores.evaluate(model, folders, split)
    write_evaluation(output_dir, found, subject_of(model, model_name), split)
    for table in (object_table(found), summary_table(found)):
        click.echo(table.to_string(index=False) + "\n")
    count = len(found.objects())
    click.echo(f"{count} objects evaluated, {len(found.failed)} failed; see {output_dir / PAGE}")
    if found.failed:
        raise ValueError("\n".join(found.failed.values()))


@click.command()
def models() -> None:
    """List the models that can be named, and which of them are here."""
    from lrm_core.model.hub import catalogue

    for entry in catalogue():
        place = entry.path or "not here"
        click.echo(f"{entry.name:24} {entry.parameters / 1e6:6.1f} M parameters  {entry.licence:14} {place}")


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
    from lrm_core.measure import oracles
    from lrm_core.page.own_data.study import saved_residual, study_spectrum

    if triplane_path or reference:
        residual, name = saved_residual(triplane_path, reference), triplane_path.stem
        click.echo(f"{name}: {study_spectrum(residual, place['output_dir'] / name)}")
        return
    config = oracles.OracleConfig(iterations=num_iters, lr=lr)

    def study(model, item, folder: Path) -> str:
        target = oracles.oracle(model, item, "predicted", config, seed).planes
        return study_spectrum(oracles.predicted_planes(model, item) - target, folder)

    _each_object(study, **place)


@click.command()
@_study("response")
@TRIPLANE_PATH
@click.option("--noise-std", default=0.5, help="Of the noise in every channel.")
def response(
    triplane_path: Path | None, noise_std: float, num_iters: int, lr: float, seed: int, **place: Any
) -> None:
    """How much the renders of each object change by noise of each frequency, around its oracle or saved planes."""
    from lrm_core.measure import oracles
    from lrm_core.measure.e06_response import DecoderResponse
    from lrm_core.page.own_data.study import read_planes, study_response

    fit = oracles.OracleConfig(iterations=num_iters, lr=lr)
    config = DecoderResponse(oracle=fit, published_std=noise_std)
    saved = read_planes(triplane_path) if triplane_path else None

    def study(model, item, folder: Path) -> str:
        planes = oracles.oracle(model, item, "predicted", fit, seed).planes if saved is None else saved
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

    from lrm_core.findings.wrong_number import distance_sentence, told_summary
    from lrm_core.measure.e17_source_distance import FACTORS, told_rows
    from lrm_core.model.checkpoints import load_model
    from lrm_core.objects import load_object
    from lrm_core.objects.files import object_folders
    from lrm_core.page.own_data.study import write_table

    objects = [item for folder in folders for item in object_folders(folder)]
    model = load_model(model_name, device).requires_grad_(False)
    rows = (row for folder in objects for row in told_rows(model, load_object(folder)))
    table = pd.DataFrame(list(tqdm(rows, total=len(objects) * (len(FACTORS) + 1), unit="told")))
    if out:
        write_table(out, table)
    click.echo(told_summary(table).to_string(index=False) + "\n")
    click.echo(distance_sentence(table))


def _each_object(study: Callable[..., str], model_name: str, data_dir: Path, output_dir: Path) -> None:
    """One line for each object: what `study(model, object, folder of its results)` says."""
    from tqdm import tqdm

    from lrm_core.model.checkpoints import load_model
    from lrm_core.objects import load_object
    from lrm_core.objects.files import object_folders

    folders = object_folders(data_dir)
    model = load_model(model_name).eval().requires_grad_(False)
    for folder in tqdm(folders, unit="object", disable=not sys.stderr.isatty(), leave=False):
        item = load_object(folder)
        click.echo(f"{item.name}: {study(model, item, output_dir / item.name)}")
