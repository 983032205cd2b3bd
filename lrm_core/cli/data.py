"""Commands that render objects."""

from pathlib import Path

import click


@click.command()
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


@click.command()
def objects() -> None:
    """Render the objects that come with the repository into data/mini/objects; finished ones are kept."""
    from lrm_core.objects.build import build_mini_objects
    from lrm_core.paths import data_dir

    build_mini_objects(data_dir())
