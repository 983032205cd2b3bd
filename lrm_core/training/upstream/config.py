"""What a training run is, in the terms of OpenLRM's `train-sample.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrm_core.model.config import LRMConfig

LPIPS_SIDE = 32  # pixels that LPIPS needs
WEIGHTS = ("pixel_weight", "perceptual_weight", "tv_weight", "weight_decay", "clip_grad_norm")
EVERY = ("validate_every", "checkpoint_every", "keep", "debug_global_steps", "debug_batches")
AT_LEAST = {
    0: ("sample_side_views", "seed", "warmup", *WEIGHTS),
    1: ("batch_size", "accum_steps", "epochs", "val_batch_size", "region", "low", *EVERY),
}


@dataclass(frozen=True)
class Subset:
    """Rendered objects in one or several folders.

    Attributes:
        root_dirs: an object lies in the first that holds it.
        lists: of names, JSON, for "train" and "val".
        sample_rate: how often an object is shown in an epoch.
    """

    root_dirs: tuple[Path, ...]
    lists: Mapping[str, Path]
    sample_rate: float


def expect(key: str, value: Any, holds: bool, what: str) -> Any:
    """The value; ValueError naming its key, unless it `holds`."""
    if not holds:
        raise ValueError(f"{key}: expected {what}, found {value!r}")
    return value


def _key(name: str, **how: Any) -> Any:
    """A field that is read from the key `name` of the file."""
    return field(metadata={"key": name}, **how)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run; what OpenLRM's file says, under its own names.

    Relative paths start at the working directory, as in OpenLRM. `model` may hold `vit` beside OpenLRM's keys, the
    sizes of an encoder that is none of DINOv2's.

    Attributes:
        ignored: keys of the file that have no meaning here.
        sample_side_views: targets of an object beside its source.
        low, high: bounds of the side of a rendered picture, in pixels.
        region: side of the crop of it that is compared, in pixels.
        normed_dist_to_center: distance of the normalised source camera, in world units; "auto" keeps its own.
        precision: "bf16" autocasts the transformer, "float32" does not.
        batch_size: objects that a process takes at once, `accum_steps` times in a step.
        debug_global_steps: length of the run in place of its epochs; the schedule stays.
        debug_batches: validated in place of all, `val_batch_size` objects each.
        load_model: weights to start from, a name or a path for `lrm_core.model.checkpoints.load_model`.
    """

    ignored: tuple[str, ...]
    type: str = _key("experiment.type")
    seed: int = _key("experiment.seed")
    parent: str = _key("experiment.parent")
    child: str = _key("experiment.child")
    model: LRMConfig = field(metadata={"key": "model"})
    subsets: tuple[Subset, ...] = _key("dataset.subsets")
    sample_side_views: int = _key("dataset.sample_side_views")
    source_image_res: int = _key("dataset.source_image_res")
    low: int = _key("dataset.render_image.low")
    high: int = _key("dataset.render_image.high")
    region: int = _key("dataset.render_image.region")
    normalize_camera: bool = _key("dataset.normalize_camera", default=True)
    normed_dist_to_center: float | str = _key("dataset.normed_dist_to_center", default="auto")
    precision: str = _key("train.mixed_precision")
    pixel_weight: float = _key("train.loss.pixel_weight")
    perceptual_weight: float = _key("train.loss.perceptual_weight")
    tv_weight: float = _key("train.loss.tv_weight")
    lr: float = _key("train.optim.lr")
    weight_decay: float = _key("train.optim.weight_decay")
    beta1: float = _key("train.optim.beta1")
    beta2: float = _key("train.optim.beta2")
    clip_grad_norm: float = _key("train.optim.clip_grad_norm")
    scheduler: str = _key("train.scheduler.type")
    warmup: int = _key("train.scheduler.warmup_real_iters")
    batch_size: int = _key("train.batch_size")
    accum_steps: int = _key("train.accum_steps", default=1)
    epochs: int = _key("train.epochs")
    debug_global_steps: int | None = _key("train.debug_global_steps", default=None)
    val_batch_size: int = _key("val.batch_size")
    validate_every: int = _key("val.global_step_period")
    debug_batches: int | None = _key("val.debug_batches", default=None)
    auto_resume: bool = _key("saver.auto_resume", default=True)
    load_model: str | None = _key("saver.load_model", default=None)
    checkpoint_root: str = _key("saver.checkpoint_root")
    checkpoint_every: int = _key("saver.checkpoint_global_steps")
    keep: int = _key("saver.checkpoint_keep_level")

    def __post_init__(self) -> None:
        """Raises ValueError, naming the key, where a value is out of its range."""
        distance, least = self.normed_dist_to_center, [(n, name) for n, names in AT_LEAST.items() for name in names]
        seen = "region" if self.perceptual_weight else "high"  # validation sees whole pictures
        rules = [
            ("type", self.type == "lrm", "'lrm', the only kind"),
            ("scheduler", self.scheduler == "cosine", "'cosine', the only kind"),
            ("precision", self.precision in ("bf16", "float32"), "bf16 or no"),
            *((name, getattr(self, name) is None or getattr(self, name) >= n, f"at least {n}") for n, name in least),
            *((name, 0 <= getattr(self, name) < 1, "a number in [0, 1)") for name in ("beta1", "beta2")),
            ("lr", self.lr > 0, "a number above 0"),
            ("normed_dist_to_center", distance == "auto" or distance > 0, "auto or a number above 0"),
            ("low", self.region <= self.low, f"at least the region, {self.region}"),
            ("high", self.low <= self.high, f"at least low, {self.low}"),
            (seen, getattr(self, seen) >= LPIPS_SIDE, f"at least {LPIPS_SIDE} pixels, for LPIPS"),
        ]
        for name, holds, expected in rules:
            expect(self.__dataclass_fields__[name].metadata["key"], getattr(self, name), holds, expected)

    @property
    def run(self) -> Path:
        """Folder of the run."""
        return Path(self.checkpoint_root) / self.parent / self.child
