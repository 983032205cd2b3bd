"""The command `lrm`. Everything heavy is imported by the command that needs it."""

import errno
import sys
from typing import Any

import click

from lrm_core.cli import data, paper, study, training


class OneSentenceErrors(click.Group):
    """A group whose commands end in one sentence on standard error instead of a traceback."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; exit code 2 on an error that has an explanation, 130 on Ctrl-C."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            _stop("Interrupted; finished work is kept.", 130)
        except (ValueError, OSError) as error:
            _stop(f"Error: {_explain(error)}", 2)


def _stop(message: str, exit_code: int) -> None:
    click.echo(message, err=True)
    sys.exit(exit_code)


def _explain(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        place = error.filename or "the disk"
        return f"no space left on {place}: free some and run the command again; finished work is kept."
    return str(error) or type(error).__name__


SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}
SETTINGS |= {"token_normalize_func": lambda name: name.replace("_", "-")}  # as published scripts write options


@click.group(cls=OneSentenceErrors, context_settings=SETTINGS)
@click.version_option(package_name="lrm_core")
def main() -> None:
    """An executable, audited paper on the frequency mismatch of feed-forward image-to-3D models."""


for command in (each for module in (paper, data, training, study) for each in vars(module).values()):
    if isinstance(command, click.Command):
        main.add_command(command)
