"""Commands that render objects."""

from pathlib import Path

import click

from lrm_core import paths
from lrm_core.cli.options import PATH


@click.command()
@click.argument("mesh", metavar="FILE_OR_FOLDER", type=PATH)
@click.option("--out", type=PATH, default="rendered", help="Folder for the rendered objects.")
@click.option("--views", default=32)
@click.option("--resolution", default=128, help="Pixels per side.")
@click.option("--seed", default=0, help="Of the cameras, and of the noise of Cycles.")
@click.option(
    "--engine",
    type=click.Choice(["cast", "cycles"]),
    default="cast",
    help="The project's ray caster, or the path tracer of Blender.",
)
@click.option("--samples", default=32, help="Of Cycles, per pixel.")
@click.option("--device", type=click.Choice(["cpu", "gpu"]), default="cpu", help="Of Cycles.")
@click.option(
    "--time-limit",
    default=600.0,
    help="Seconds that Cycles may take for the views of an object; then it is stopped and the object skipped.",
)
@click.option(
    "--blender-python",
    help="A Python with bpy, or the program blender; by default what LRM_BLENDER_PYTHON names, else this Python.",
)
def render(
    mesh: Path,
    out: Path,
    engine: str,
    samples: int,
    device: str,
    time_limit: float,
    blender_python: str | None,
    **cameras: int,
) -> None:
    """Render a mesh, or every mesh of a folder, in the format of rendered objects.

    Both engines read GLB, GLTF, OBJ, PLY and STL files, Cycles FBX files too.
    """
    from lrm_core.objects.blender import Cycles, blender_command
    from lrm_core.objects.build import FAILURES, render_path

    traced = engine == "cycles"
    cycles = Cycles(blender_command(blender_python), samples, device == "gpu", time_limit) if traced else None
    report = render_path(mesh, out, **cameras, cycles=cycles)
    click.echo(f"{out}: {len(report.rendered)} rendered, {len(report.kept)} kept")
    if report.failed:
        reasons = "\n".join(report.failed.values())
        raise ValueError(f"{len(report.failed)} failed (listed in {out / FAILURES}):\n{reasons}")


@click.command()
def objects() -> None:
    """Render the objects that come with the repository into data/mini/objects; finished ones are kept."""
    from lrm_core.objects.build import build_mini_objects

    build_mini_objects(paths.data_dir())


@click.command()
@click.argument("folder", type=PATH)
@click.option("--out", type=PATH, default=".cache/pool_views", help="Folder for the rendered pool.")
@click.option("--views", default=16)
@click.option("--resolution", default=128, help="Pixels per side.")
def pool(folder: Path, out: Path, views: int, resolution: int) -> None:
    """Render every GLB of a folder once, for `lrm pretrain --pool`; evaluated meshes are left out."""
    from lrm_core.objects.pool import FAULTS, render_pool

    report = render_pool(folder, out, paths.data_dir(), views=views, resolution=resolution)
    for name, fault in report.failed.items():
        click.echo(f"{name}: {fault}", err=True)
    click.echo(
        f"{out}: {len(report.rendered)} rendered, {len(report.kept)} kept, {len(report.left_out)} left out for "
        f"evaluation, {len(report.failed)} failed (listed in {FAULTS})"
    )


@click.command()
@click.option("--num-objects", type=int, help="28 by default, or every one of --uids.")
@click.option(
    "--out",
    type=PATH,
    default=paths.data_dir() / "paper/objects",
    show_default=False,
    help="Folder for the rendered objects; where the profile paper looks for them by default.",
)
@click.option("--seed", default=0, help="Of the draw and of the cameras.")
@click.option("--uids", "uid_file", type=PATH, help="File with one uid a line; no draw.")
@click.option("--licences", default="cc0,by", help="Of cc0, by, by-sa, by-nc, by-nc-sa, with commas.")
@click.option("--mirror", type=PATH, help="Folder laid out like the dataset; no download.")
@click.option("--views", default=32)
@click.option("--resolution", default=336, help="Pixels per side.")
def render_objaverse(
    num_objects: int | None,
    out: Path,
    uid_file: Path | None,
    licences: str,
    mirror: Path | None,
    **cameras: int,
) -> None:
    """Draw objects of Objaverse, fetch them from the hub, and render them; finished ones are kept."""
    from lrm_core.objects.objaverse import MANIFEST, NUM_OBJECTS
    from lrm_core.objects.objaverse import render_objaverse as rendered
    from lrm_core.objects.objaverse_index import read_uids

    uids = read_uids(uid_file) if uid_file else None
    if num_objects is None:
        num_objects = len(uids) if uids else NUM_OBJECTS
    source = {"uids": uids, "licences": licences.split(","), "mirror": mirror}
    report = rendered(out, num_objects=num_objects, **source, **cameras)
    for fault in report.failed.values():
        click.echo(fault, err=True)
    counts = f"{len(report.rendered)} rendered, {len(report.kept)} kept, {len(report.failed)} failed"
    click.echo(f"{out}: {counts}; see {out / MANIFEST}")
    if (made := len(report.rendered) + len(report.kept)) < num_objects:
        raise ValueError(f"{out}: {made} of {num_objects} objects; there are no others to take the place of the rest")
