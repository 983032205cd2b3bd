"""What a training run is, in OpenLRM's own layout of YAML (its `train-sample.yaml`), read key by key."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from lrm_core.model.config import LRMConfig

IGNORED = (
    *("logger", "compile", "dataset.num_train_workers", "dataset.num_val_workers", "dataset.pin_mem"),
    "train.find_unused_parameters",
)
PRECISIONS = {"no": "float32", "False": "float32"}  # YAML reads a bare `no` as false
LPIPS_SIDE = 32  # pixels that LPIPS needs


@dataclass(frozen=True)
class Subset:
    """Rendered objects in one or several folders."""

    root_dirs: tuple[Path, ...]  # an object lies in the first that holds it
    lists: Mapping[str, Path]  # of names, JSON, for "train" and "val"
    sample_rate: float  # how often an object is shown in an epoch


def _expect(key: str, value: Any, holds: bool, what: str) -> Any:
    """The value; ValueError naming its key, unless it `holds`."""
    if not holds:
        raise ValueError(f"{key}: expected {what}, found {value!r}")
    return value


def _key(name: str, *, least: int | None = None, **how: Any) -> Any:
    """A field that is read from the key `name` of the file, perhaps a number of at least so much."""
    return field(metadata={"key": name, "least": least}, **how)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run; what OpenLRM's file says, under its own names.

    Relative paths start at the working directory, as in OpenLRM. `model` may hold `vit` beside OpenLRM's keys, the
    sizes of an encoder that is none of DINOv2's.
    """

    ignored: tuple[str, ...]  # keys of the file that have no meaning here
    type: str = _key("experiment.type")
    seed: int = _key("experiment.seed", least=0)
    parent: str = _key("experiment.parent")
    child: str = _key("experiment.child")
    model: LRMConfig = field(metadata={"key": "model"})
    subsets: tuple[Subset, ...] = _key("dataset.subsets")
    sample_side_views: int = _key("dataset.sample_side_views", least=0)  # targets of an object beside its source
    source_image_res: int = _key("dataset.source_image_res")
    # low and high: bounds of the side of a rendered picture, in pixels
    low: int = _key("dataset.render_image.low", least=1)
    high: int = _key("dataset.render_image.high")
    region: int = _key("dataset.render_image.region", least=1)  # side of the crop of it that is compared, in pixels
    normalize_camera: bool = _key("dataset.normalize_camera", default=True)
    # distance of the normalised source camera, in world units; "auto" keeps its own
    normed_dist_to_center: float | str = _key("dataset.normed_dist_to_center", default="auto")
    precision: str = _key("train.mixed_precision")  # "bf16" autocasts the transformer, "float32" does not
    pixel_weight: float = _key("train.loss.pixel_weight", least=0)
    perceptual_weight: float = _key("train.loss.perceptual_weight", least=0)
    tv_weight: float = _key("train.loss.tv_weight", least=0)
    lr: float = _key("train.optim.lr")
    weight_decay: float = _key("train.optim.weight_decay", least=0)
    beta1: float = _key("train.optim.beta1")
    beta2: float = _key("train.optim.beta2")
    clip_grad_norm: float = _key("train.optim.clip_grad_norm", least=0)
    scheduler: str = _key("train.scheduler.type")
    warmup: int = _key("train.scheduler.warmup_real_iters", least=0)
    # objects that a process takes at once, `accum_steps` times in a step
    batch_size: int = _key("train.batch_size", least=1)
    accum_steps: int = _key("train.accum_steps", least=1, default=1)
    epochs: int = _key("train.epochs", least=1)
    # length of the run in place of its epochs; the schedule stays
    debug_global_steps: int | None = _key("train.debug_global_steps", least=1, default=None)
    val_batch_size: int = _key("val.batch_size", least=1)
    validate_every: int = _key("val.global_step_period", least=1)
    # validated in place of all, `val_batch_size` objects each
    debug_batches: int | None = _key("val.debug_batches", least=1, default=None)
    auto_resume: bool = _key("saver.auto_resume", default=True)
    # weights to start from, a name or a path for `lrm_core.model.checkpoints.load_model`
    load_model: str | None = _key("saver.load_model", default=None)
    checkpoint_root: str = _key("saver.checkpoint_root")
    checkpoint_every: int = _key("saver.checkpoint_global_steps", least=1)
    keep: int = _key("saver.checkpoint_keep_level", least=1)

    def __post_init__(self) -> None:
        """Raises ValueError, naming the key, where a value is out of its range."""
        distance = self.normed_dist_to_center
        seen = "region" if self.perceptual_weight else "high"  # validation sees whole pictures
        rules = [
            ("type", self.type == "lrm", "'lrm', the only kind"),
            ("scheduler", self.scheduler == "cosine", "'cosine', the only kind"),
            ("precision", self.precision in ("bf16", "float32"), "bf16 or no"),
            *((name, 0 <= getattr(self, name) < 1, "a number in [0, 1)") for name in ("beta1", "beta2")),
            ("lr", self.lr > 0, "a number above 0"),
            ("normed_dist_to_center", distance == "auto" or distance > 0, "auto or a number above 0"),
            ("low", self.region <= self.low, f"at least the region, {self.region}"),
            ("high", self.low <= self.high, f"at least low, {self.low}"),
            (seen, getattr(self, seen) >= LPIPS_SIDE, f"at least {LPIPS_SIDE} pixels, for LPIPS"),
        ]
        for name, holds, expected in rules:
            _expect(self.__dataclass_fields__[name].metadata["key"], getattr(self, name), holds, expected)

    @property
    def run(self) -> Path:
        """Folder of the run."""
        return Path(self.checkpoint_root) / self.parent / self.child


def read_train_config(path: Path) -> TrainConfig:
    """Read a file such as OpenLRM's `train-sample.yaml`.

    FileNotFoundError if there is none. ValueError, naming the file and the key, if it is no YAML, a key is unknown or
    missing, or a value is wrong.
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
    values = {p.name: _value(p.type, key, found[key]) for p, key in given.items()}
    for part, key in given.items():
        if (least := part.metadata.get("least")) is not None:
            _expect(key, values[part.name], values[part.name] >= least, f"at least {least}")
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


def _value(kind: Any, key: str, value: Any) -> Any:
    """The value of a key as a field of that type takes it; ValueError naming the key, if it is none."""
    if kind in (int, int | None):
        return _expect(key, value, type(value) is int, "a whole number")
    if kind is bool:
        return _expect(key, value, isinstance(value, bool), "true or false")
    if kind in (str, str | None):
        return _text(key, value)
    if kind in (float, float | str):
        return value if kind is not float and value == "auto" else _number(key, value)
    if kind is LRMConfig:
        return _model(key, value)
    _expect(key, value, isinstance(value, list) and value, "a list of subsets")
    return tuple(_subset(f"{key}[{index}]", part) for index, part in enumerate(value))


def _number(key: str, value: Any) -> float:
    """A finite number; YAML takes "5e-4", which has no point, for text."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    _expect(key, value, math.isfinite(number), "a number")
    return number


def _text(key: str, value: Any) -> str:
    text = str(_expect(key, value, not isinstance(value, list | dict) and value not in (None, ""), "text"))
    return PRECISIONS.get(text, text) if key == "train.mixed_precision" else text


def _model(key: str, value: Any) -> dict[str, Any]:
    """OpenLRM's sizes; the encoder's own sizes may be among them."""
    _expect(key, value, isinstance(value, dict), "OpenLRM's sizes by name")
    names = {part.name for part in fields(LRMConfig)} - {"source_size", "render_size"}
    _refuse_unknown(value, names, "model.")
    _expect(f"{key}.vit", value.get("vit", {}), isinstance(value.get("vit", {}), dict), "sizes by name")
    return value


def _subset(key: str, value: Any) -> Subset:
    _expect(key, value, isinstance(value, dict), "name, root_dirs, meta_path and sample_rate")
    _refuse_unknown(value, {"name", "root_dirs", "meta_path", "sample_rate"}, f"{key}.")
    name, roots, lists = value.get("name"), value.get("root_dirs"), value.get("meta_path")
    _expect(f"{key}.name", name, name == "objaverse", "objaverse, the only kind,")
    _expect(f"{key}.root_dirs", roots, isinstance(roots, list) and roots, "a list of folders")
    both = isinstance(lists, dict) and set(lists) == {"train", "val"}
    _expect(f"{key}.meta_path", lists, both, "the files train and val")
    rate = _number(f"{key}.sample_rate", value.get("sample_rate", 1.0))
    _expect(f"{key}.sample_rate", rate, rate > 0, "a number above 0")
    places = {split: Path(_text(f"{key}.meta_path.{split}", place)) for split, place in lists.items()}
    return Subset(tuple(Path(_text(f"{key}.root_dirs", root)) for root in roots), places, rate)
