"""A training run from a file in OpenLRM's own layout of YAML (its `train-sample`), read key by key."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml

from lrm_core.model.config import LRMConfig
from lrm_core.training.upstream.config import Subset, TrainConfig, expect

IGNORED = (
    "logger",
    "compile",
    "dataset.num_train_workers",
    "dataset.num_val_workers",
    "dataset.pin_mem",
    "train.find_unused_parameters",
)
PRECISIONS = {"no": "float32", "False": "float32"}  # YAML reads a bare `no` as false


def read_train_config(path: Path) -> TrainConfig:
    """Read a file such as OpenLRM's `train-sample.yaml`.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: naming the file and the key, if it is no YAML, a key is unknown or missing, or a value is wrong.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a training configuration in YAML")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected keys such as experiment, model and train, found {content!r:.40}")
    try:
        return _config(dict(_leaves(content)))
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise ValueError(f"{path}: {error}") from error


def _leaves(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Values by dotted key; what is read or ignored as a whole is not taken apart."""
    for name, value in content.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and value and key not in ("model", *IGNORED):
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value


def _config(found: Mapping[str, Any]) -> TrainConfig:
    """The configuration of values by dotted key."""
    parts = [part for part in fields(TrainConfig) if "key" in part.metadata]
    keys = {part.metadata["key"] for part in parts}
    _refuse_unknown(found, keys | set(IGNORED), "")
    missing = [p.metadata["key"] for p in parts if p.default is MISSING and p.metadata["key"] not in found]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    given = {p: p.metadata["key"] for p in parts if found.get(p.metadata["key"], p.default) is not p.default}
    values = {p.name: _READERS[p.type](key, found[key]) for p, key in given.items()}
    sizes = {"source_size": values["source_image_res"], "render_size": values["high"]}
    try:
        values["model"] = LRMConfig.from_openlrm({**values["model"], **sizes})
    except TypeError as error:
        raise ValueError(f"model: {error}") from error
    return TrainConfig(ignored=tuple(key for key in IGNORED if key in found), **values)


def _refuse_unknown(found: Mapping[str, Any], known: set[str], above: str) -> None:
    unknown = sorted(f"{above}{key}" for key in set(found) - known)
    if unknown:
        raise ValueError(f"unknown key {', '.join(unknown)}; known are those of OpenLRM's train-sample.yaml")


def _whole(key: str, value: Any) -> int:
    return expect(key, value, type(value) is int, "a whole number")


def _number(key: str, value: Any) -> float:
    """A finite number; YAML takes "5e-4", which has no point, for text."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    expect(key, value, math.isfinite(number), "a number")
    return number


def _flag(key: str, value: Any) -> bool:
    return expect(key, value, isinstance(value, bool), "true or false")


def _text(key: str, value: Any) -> str:
    text = str(expect(key, value, not isinstance(value, list | dict) and value not in (None, ""), "text"))
    return PRECISIONS.get(text, text) if key == "train.mixed_precision" else text


def _model(key: str, value: Any) -> dict[str, Any]:
    """OpenLRM's sizes; the encoder's own sizes may be among them."""
    expect(key, value, isinstance(value, dict), "OpenLRM's sizes by name")
    names = {part.name for part in fields(LRMConfig)} - {"source_size", "render_size"}
    _refuse_unknown(value, names, "model.")
    expect(f"{key}.vit", value.get("vit", {}), isinstance(value.get("vit", {}), dict), "sizes by name")
    return value


def _subsets(key: str, value: Any) -> tuple[Subset, ...]:
    expect(key, value, isinstance(value, list) and value, "a list of subsets")
    return tuple(_subset(f"{key}[{index}]", part) for index, part in enumerate(value))


def _subset(key: str, value: Any) -> Subset:
    expect(key, value, isinstance(value, dict), "name, root_dirs, meta_path and sample_rate")
    _refuse_unknown(value, {"name", "root_dirs", "meta_path", "sample_rate"}, f"{key}.")
    name, roots, lists = value.get("name"), value.get("root_dirs"), value.get("meta_path")
    expect(f"{key}.name", name, name == "objaverse", "objaverse, the only kind,")
    expect(f"{key}.root_dirs", roots, isinstance(roots, list) and roots, "a list of folders")
    both = isinstance(lists, dict) and set(lists) == {"train", "val"}
    expect(f"{key}.meta_path", lists, both, "the files train and val")
    rate = _number(f"{key}.sample_rate", value.get("sample_rate", 1.0))
    expect(f"{key}.sample_rate", rate, rate > 0, "a number above 0")
    places = {split: Path(_text(f"{key}.meta_path.{split}", place)) for split, place in lists.items()}
    return Subset(tuple(Path(_text(f"{key}.root_dirs", root)) for root in roots), places, rate)


_READERS: Mapping[Any, Callable[[str, Any], Any]] = {
    int: _whole,
    float: _number,
    bool: _flag,
    str: _text,
    int | None: _whole,
    str | None: _text,
    float | str: lambda key, value: value if value == "auto" else _number(key, value),
    LRMConfig: _model,
    tuple[Subset, ...]: _subsets,
}
