"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path

import click

from lrm_core.paths import data_dir

PROFILE = click.option(
    "--profile",
    default="mini",
    show_default=True,
    help="smoke (tests), mini (CPU), cycles (as mini, on path-traced images), rehearsal (of paper) or "
    "paper (CUDA); mini-published and paper-published tell the encoder wrong distances, as the published runs did.",
)
REFRESH = click.option("--refresh", is_flag=True, help="Recompute what is stored already.")
MODEL_NAME = click.option(
    "--model-name", "--model", default="mini", show_default=True, help="Name or path of the model."
)


def rendered_objects(words: str) -> Callable:
    """The option for a folder of rendered objects."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        default=data_dir() / "mini/objects/procedural",
        help=f"{words}; the small ones by default.",
    )


def output_dir(default: str, words: str) -> Callable:
    """The option for the folder of results."""
    return click.option(
        "--output-dir", type=click.Path(path_type=Path), default=default, show_default=True, help=words
    )
