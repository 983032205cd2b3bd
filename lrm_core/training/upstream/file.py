"""A training run from a file in OpenLRM's own layout of YAML (its `train-sample`), read key by key."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml

from lrm_core.model.config import LRMConfig
from lrm_core.training.upstream.config import Subset, TrainConfig

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
    given = [part for part in parts if part.metadata["key"] in found]
    values = {p.name: _READERS[p.type](p.metadata["key"], found[p.metadata["key"]]) for p in given}
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
    if type(value) is not int:
        raise ValueError(f"{key}: expected a whole number, found {value!r}")
    return value


def _number(key: str, value: Any) -> float:
    """A finite number; YAML takes "5e-4", which has no point, for text."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{key}: expected a number, found {value!r}")
    return number


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{key}: expected true or false, found {value!r}")
    return value


def _text(key: str, value: Any) -> str:
    if isinstance(value, list | dict) or value in (None, ""):
        raise ValueError(f"{key}: expected text, found {value!r}")
    return PRECISIONS.get(str(value), str(value)) if key == "train.mixed_precision" else str(value)


def _model(key: str, value: Any) -> dict[str, Any]:
    """OpenLRM's sizes; the encoder's own sizes may be among them."""
    if not isinstance(value, dict):
        raise ValueError(f"{key}: expected OpenLRM's sizes by name, found {value!r}")
    names = {part.name for part in fields(LRMConfig)} - {"source_size", "render_size"}
    _refuse_unknown(value, names, "model.")
    if not isinstance(value.get("vit", {}), dict):
        raise ValueError(f"{key}.vit: expected sizes by name, found {value['vit']!r}")
    return value


def _subsets(key: str, value: Any) -> tuple[Subset, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{key}: expected a list of subsets, found {value!r}")
    return tuple(_subset(f"{key}[{index}]", part) for index, part in enumerate(value))


def _subset(key: str, value: Any) -> Subset:
    if not isinstance(value, dict):
        raise ValueError(f"{key}: expected name, root_dirs, meta_path and sample_rate, found {value!r}")
    _refuse_unknown(value, {"name", "root_dirs", "meta_path", "sample_rate"}, f"{key}.")
    if value.get("name") != "objaverse":
        raise ValueError(f"{key}.name: expected objaverse, the only kind, found {value.get('name')!r}")
    roots, lists = value.get("root_dirs"), value.get("meta_path")
    if not isinstance(roots, list) or not roots:
        raise ValueError(f"{key}.root_dirs: expected a list of folders, found {roots!r}")
    if not isinstance(lists, dict) or set(lists) != {"train", "val"}:
        raise ValueError(f"{key}.meta_path: expected the files train and val, found {lists!r}")
    rate = _number(f"{key}.sample_rate", value.get("sample_rate", 1.0))
    if rate <= 0:
        raise ValueError(f"{key}.sample_rate: expected a number above 0, found {rate}")
    places = {split: Path(_text(f"{key}.meta_path.{split}", place)) for split, place in lists.items()}
    return Subset(tuple(Path(_text(f"{key}.root_dirs", root)) for root in roots), places, rate)


def _or_none(reader: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda key, value: None if value is None else reader(key, value)


def _number_or_auto(key: str, value: Any) -> float | str:
    return "auto" if value == "auto" else _number(key, value)


_READERS: Mapping[Any, Callable[[str, Any], Any]] = {
    int: _whole,
    float: _number,
    bool: _flag,
    str: _text,
    int | None: _or_none(_whole),
    str | None: _or_none(_text),
    float | str: _number_or_auto,
    LRMConfig: _model,
    tuple[Subset, ...]: _subsets,
}
