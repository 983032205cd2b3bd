"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from lrm_core.paths import data_dir

PATH = click.Path(path_type=Path)
PROFILE = click.option(
    "--profile",
    default="mini",
    help="smoke (tests), mini (CPU), cycles (as mini, on path-traced images), rehearsal (of paper), paper-cpu (three "
    "objects) or paper (CUDA); mini-published and paper-published tell the encoder wrong distances, as the published "
    "runs did.",
)
DEVICE = click.option("--device", default="cpu", help="cpu or cuda.")
REFRESH = click.option("--refresh", is_flag=True, help="Recompute what is stored already.")
MODEL_NAME = click.option("--model-name", "--model", default="mini", help="Name or path of the model.")


def rendered_objects(words: str) -> Callable:
    """The option for a folder of rendered objects."""
    return click.option(
        "--data-dir",
        type=PATH,
        default=data_dir() / "mini/objects/procedural",
        show_default=False,
        help=f"{words}; the small ones by default.",
    )


def output_dir(default: str, words: str, *names: str) -> Callable:
    """The option for the folder of results, under more names perhaps."""
    return click.option("--output-dir", *names, type=PATH, default=default, help=words)


def at_once(words: str) -> Callable:
    """The option for how many of something are made at once, resolved to one per core."""
    return click.option(
        "--processes", type=int, callback=_per_core, help=f"{words} at once; one per core by default."
    )


def _per_core(context: click.Context, option: click.Parameter, given: int | None) -> int:
    from lrm_core.training.pretrain import default_processes

    return given or default_processes()


def clustered(command: Callable) -> Callable:
    """The options for where jobs go, as `cluster`: None for this machine alone.

    There each has a GPU if the profile wants one and nothing is said.
    """

    @click.option("--cluster", help="local (a Ray on this machine) or HOST:PORT of a Ray; needs lrm_core[cluster].")
    @click.option("--gpus-per-job", type=click.FloatRange(min=0), help="On a cluster, perhaps a fraction.")
    @wraps(command)
    def run(profile: str, cluster: str | None, gpus_per_job: float | None, **rest: Any) -> None:
        from lrm_core.profiles import get_profile
        from lrm_core.records.on_cluster import Cluster

        if gpus_per_job is None:
            gpus_per_job = 1.0 if get_profile(profile).device == "cuda" else 0.0
        elif cluster is None:
            raise ValueError("--gpus-per-job: of a cluster; give --cluster too")
        command(profile, cluster=None if cluster is None else Cluster(cluster, gpus_per_job), **rest)

    return run
