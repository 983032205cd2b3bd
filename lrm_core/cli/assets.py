"""Commands on models and pictures: which weights are here, and assets from a picture."""

from pathlib import Path

import click


@click.command()
@click.argument("pictures", metavar="IMAGE_OR_FOLDER", type=click.Path(path_type=Path))
@click.option("--model-name", "--model", default="mini", show_default=True, help="Name or path of the model.")
@click.option(
    "--output-dir",
    "--out",
    type=click.Path(path_type=Path),
    default="predicted",
    show_default=True,
    help="A folder for each picture goes there.",
)
@click.option(
    "--formats",
    help="Of glb, obj, ply, textured, mp4, gif, webp, planes, sheet, with commas; all by default.",
)
@click.option("--source-distance", default=2.0, show_default=True, help="Of the camera, in world units.")
@click.option("--keep-framing", is_flag=True, help="The picture is framed as in training already.")
@click.option("--resolution", default=128, show_default=True, help="Cells of the mesh along each axis.")
@click.option("--density", type=float, help="Of the surface, in 1 / world unit.")
@click.option("--frames", default=48, show_default=True, help="Of the film.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
def predict(
    pictures: Path,
    model_name: str,
    output_dir: Path,
    formats: str | None,
    source_distance: float,
    keep_framing: bool,
    resolution: int,
    density: float | None,
    frames: int,
    device: str,
) -> None:
    """Turn a picture (PNG, JPEG, WebP), or every one of a folder, into meshes and films; finished ones are kept."""
    from lrm_core.predict import ASSETS, PredictConfig, predict_path
    from lrm_core.render.surface import SURFACE_DENSITY

    config = PredictConfig(
        formats=tuple(formats.split(",")) if formats else tuple(ASSETS),
        source_distance=source_distance,
        keep_framing=keep_framing,
        resolution=resolution,
        density=density or SURFACE_DENSITY,
        frames=frames,
    )
    report = predict_path(model_name, pictures, output_dir, config, device)
    click.echo(f"{output_dir}: {len(report.made)} made, {len(report.kept)} kept, {len(report.failed)} failed")
    if report.failed:
        raise ValueError("\n".join(report.failed.values()))


@click.command()
def models() -> None:
    """List the models that can be named, and which of them are here."""
    from lrm_core.model.catalogue import catalogue

    for entry in catalogue():
        place = entry.path or "not here"
        click.echo(f"{entry.name:24} {entry.parameters / 1e6:6.1f} M parameters  {entry.licence:14} {place}")
