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


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=".cache/pool_views",
    show_default=True,
    help="Folder for the rendered pool.",
)
@click.option("--views", default=16, show_default=True)
@click.option("--resolution", default=128, show_default=True, help="Pixels per side.")
def pool(folder: Path, out: Path, views: int, resolution: int) -> None:
    """Render every GLB of a folder once, for `lrm pretrain --pool`; evaluated meshes are left out."""
    from lrm_core.objects.pool_render import FAULTS, render_pool
    from lrm_core.paths import data_dir

    report = render_pool(folder, out, data_dir(), views=views, resolution=resolution)
    for name, fault in report.failed.items():
        click.echo(f"{name}: {fault}", err=True)
    click.echo(
        f"{out}: {len(report.rendered)} rendered, {len(report.kept)} kept, {len(report.left_out)} left out for "
        f"evaluation, {len(report.failed)} failed (listed in {FAULTS})"
    )
