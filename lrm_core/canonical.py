"""One JSON form for records: the same values are always the same bytes."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from torch import Tensor

SIGNIFICANT_DIGITS = 6
LARGEST_ARRAY = 20_000

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


def plain(value: Any, where: str = "record") -> Plain:
    """Turn a value into what JSON holds: arrays to lists, floats to six significant digits, keys sorted.

    The value is a number, text, tensor, array, or a sequence or mapping of them; error messages call it `where`.
    ValueError, naming the entry, if it is NaN or infinite, an array too large for a record, or of a type that JSON
    does not know.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray | np.generic):
        if value.size > LARGEST_ARRAY:
            raise ValueError(f"{where}: {value.size} values, a record holds arrays of at most {LARGEST_ARRAY}")
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{where}: {value} cannot be stored; leave the entry None where a number is undefined")
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, Mapping):
        return {key: plain(value[key], f"{where}.{key}") for key in sorted(value)}
    if isinstance(value, Sequence):
        return [plain(entry, f"{where}[{index}]") for index, entry in enumerate(value)]
    raise ValueError(f"{where}: a record cannot hold a {type(value).__name__}")


def canonical_json(value: Plain) -> str:
    """Indented JSON with one line per key and lists of scalars on one line, ending in a newline."""
    return _write(value, "") + "\n"


def blank(value: Any) -> Any:
    """The same nested dictionary without its numbers: what a record says where nothing could be measured."""
    return {name: blank(entry) for name, entry in value.items()} if isinstance(value, dict) else None


def numbers(value: Plain, name: str = "") -> dict[str, bool | int | float]:
    """All numbers and truth values in a result by their dotted names, in order."""
    if isinstance(value, dict):
        parts = [numbers(entry, f"{name}.{key}".lstrip(".")) for key, entry in value.items()]
    elif isinstance(value, list):
        parts = [numbers(entry, f"{name}[{index}]") for index, entry in enumerate(value)]
    else:
        return {} if value is None or isinstance(value, str) else {name: value}
    return {key: number for part in parts for key, number in part.items()}


def _write(value: Plain, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_write(value[key], inner)}" for key in value]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value):
        return "[\n" + ",\n".join(inner + _write(entry, inner) for entry in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
