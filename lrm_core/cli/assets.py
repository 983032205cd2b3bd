"""Commands on models: which weights are here, assets from a picture, and scores on rendered objects."""

from pathlib import Path
from typing import Any

import click

from lrm_core.cli.options import DEVICE, MODEL_NAME, PATH, output_dir


@click.command()
@click.argument("pictures", metavar="IMAGE_OR_FOLDER", type=PATH)
@MODEL_NAME
@output_dir("predicted", "A folder for each picture goes there.", "--out")
@click.option(
    "--formats",
    help="Of glb, obj, ply, textured, mp4, gif, webp, planes, sheet, with commas; all by default.",
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
    from lrm_core.predict.evaluate import evaluate as evaluated
    from lrm_core.predict.evaluate import listed_objects
    from lrm_core.predict.evaluation_page import PAGE, Subject, object_table, summary_table, write_evaluation

    folders = arguments if model_name else arguments[1:]
    model_name = model_name or str(arguments[0])
    if not folders:
        raise click.UsageError("Missing argument 'FOLDER...'.")
    listed_objects(folders, split)
    model = load_model(model_name, device).requires_grad_(False)
    output_dir.mkdir(parents=True, exist_ok=True)
    found = evaluated(model, folders, split)
    write_evaluation(output_dir, found, Subject.of(model, model_name), split)
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
