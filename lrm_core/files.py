"""Reading files that others may have damaged: a value, or a ValueError that names the file."""

import json
from pathlib import Path
from typing import Any


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file, if it is not UTF-8, not JSON, nested too deeply, or says NaN or Infinity.
    """
    try:
        return parse_json(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not readable as JSON, it is not UTF-8 ({error.reason})") from error


def parse_json(text: str, path: Path) -> Any:
    """What a JSON text of the file `path` holds; ValueError as `read_json`."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError(f"{path}: not readable as JSON, it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is no number")
