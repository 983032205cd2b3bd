"""The program that has Blender: which one, and a run of it that ends in time."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

SCRIPT = Path(__file__).with_name("blender_scene.py")
NO_BLENDER = 77  # exit code of the script where `bpy` cannot be imported
VARIABLE = "LRM_BLENDER_PYTHON"
HOW_TO_GET_IT = (
    "make an environment for Blender (python3.11 -m venv blender-env && blender-env/bin/pip install bpy==4.2.23) "
    f"and name it: --blender-python blender-env/bin/python, or {VARIABLE}"
)


def blender_command(interpreter: str | None = None) -> tuple[str, ...]:
    """What starts the script: the given program, else that of `LRM_BLENDER_PYTHON`, else this Python.

    Args:
        interpreter: a Python that has `bpy`, or the program `blender`.

    Raises:
        FileNotFoundError: if there is no such program, or none is named and this Python has no `bpy`.
    """
    chosen = interpreter or os.environ.get(VARIABLE)
    if not chosen and importlib.util.find_spec("bpy"):
        chosen = sys.executable
    if not chosen:
        raise FileNotFoundError(f"Cycles needs Blender, which this Python does not have; {HOW_TO_GET_IT}")
    program = shutil.which(chosen)
    if program is None:
        raise FileNotFoundError(f"{chosen}: no such program; {HOW_TO_GET_IT}")
    if Path(program).name.lower().startswith("blender"):
        return program, "-b", "--factory-startup", "--python-exit-code", "1", "--python", str(SCRIPT), "--"
    return program, "-I", str(SCRIPT)


def run_script(command: Sequence[str], job: Path, time_limit: float) -> None:
    """Run the script on a job to its end or to the limit; nothing that it started is left.

    Args:
        command: from `blender_command`.
        job: JSON file, in a folder where what the program prints is kept.
        time_limit: in seconds.

    Raises:
        ValueError: if the program fails, or takes longer.
        OSError: if it cannot be started, or has no Blender.
    """
    errors = job.with_name("errors.txt")
    with job.with_name("log.txt").open("wb") as log, errors.open("wb") as complaints:
        process = subprocess.Popen(
            [*command, job], stdin=subprocess.DEVNULL, stdout=log, stderr=complaints, start_new_session=True
        )
        try:
            code = process.wait(time_limit)
        except subprocess.TimeoutExpired:
            raise ValueError(f"not finished after {time_limit:g} s and stopped; raise --time-limit") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code:
        said = errors.read_text(encoding="utf-8", errors="replace").strip() or "without a message"
        message = said.split("\n")[-1].strip()
        if code == NO_BLENDER:
            raise OSError(f"{command[0]}: has no Blender ({message}); {HOW_TO_GET_IT}")
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise ValueError(f"Blender {how} ({message})")
