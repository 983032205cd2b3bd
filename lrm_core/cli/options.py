"""Options that several commands share."""

import click

PROFILE = click.option(
    "--profile", default="mini", show_default=True, help="smoke (tests), mini (CPU) or paper (CUDA)."
)
REFRESH = click.option("--refresh", is_flag=True, help="Recompute what is stored already.")
