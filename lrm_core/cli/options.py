"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path

import click

from lrm_core.paths import data_dir

PATH = click.Path(path_type=Path)
PROFILE = click.option(
    "--profile",
    default="mini",
    help="smoke (tests), mini (CPU), cycles (as mini, on path-traced images), rehearsal (of paper) or "
    "paper (CUDA); mini-published and paper-published tell the encoder wrong distances, as the published runs did.",
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
