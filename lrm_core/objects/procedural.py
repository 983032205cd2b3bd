"""Procedural objects: an object is a number, and the number fixes shapes, textures and light."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrm_core.objects.arrange import arrange
from lrm_core.objects.families import MAX_PRIMITIVES
from lrm_core.objects.finishes import Finishes
from lrm_core.objects.shapes import Kind, contains
from lrm_core.objects.textures import Textures

MAX_LIGHTS = 3
FIRST_HELD_OUT_SEED = 10_000_000  # training draws below, evaluation from here on


def held_out_seeds(count: int) -> range:
    """Seeds of the first `count` objects that no training may see."""
    return range(FIRST_HELD_OUT_SEED, FIRST_HELD_OUT_SEED + count)


def procedural_name(seed: int) -> str:
    """Name of the object with the given number, and of its folder."""
    return f"procedural_{seed}"


@dataclass(frozen=True)
class ProceduralBatch:
    """Objects with P = 10 primitive slots each; `mask` tells the slots in use.

    kind: a `shapes.Kind`.
    centre, rotation, scale: a canonical point p lies at centre + rotation @ (scale * p), in world units.
    form: what `shapes.Kind` says of it.
    light: unit vectors towards L = 3 lights, fixed in the world.
    strength: of each light; they add up to 1.
    ambient: share of the colour that shows without light.
    wrap: how far light reaches beyond the terminator; 0 is Lambert's law, 1 reaches all round.
    """

    mask: Bool[Tensor, "B P"]
    kind: Int[Tensor, "B P"]
    centre: Float[Tensor, "B P 3"]
    rotation: Float[Tensor, "B P 3 3"]
    scale: Float[Tensor, "B P 3"]
    form: Float[Tensor, "B P"]
    textures: Textures
    light: Float[Tensor, "B L 3"]
    strength: Float[Tensor, "B L"]
    ambient: Float[Tensor, " B"]
    wrap: Float[Tensor, " B"]

    def __len__(self) -> int:
        return len(self.mask)

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The batch with `change` applied to each tensor."""
        tensors = {name: change(value) for name, value in vars(self).items() if name != "textures"}
        return ProceduralBatch(textures=self.textures.map(change), **tensors)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """The batch on another device, its real numbers in another precision."""
        return self.map(lambda value: value.to(device, dtype if value.is_floating_point() else None))


def sample_objects(seeds: Sequence[int]) -> ProceduralBatch:
    """Make the objects with the given numbers.

    The same seed gives the same object in any batch. An object has 2 to 10 primitives that touch, within a
    sphere of radius 0.95 about the origin that it fills. Raises ValueError if there is no seed, or one is negative.
    """
    if not len(seeds) or min(seeds) < 0:
        raise ValueError(f"seeds must be one or more non-negative integers, found {list(seeds)}")
    rows = [_sample_object(int(seed)) for seed in seeds]
    stacked = {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
    real = {name: value.float() if value.is_floating_point() else value for name, value in stacked.items()}
    textures = Textures(**{name: real.pop(name) for name in Textures.__dataclass_fields__})
    return ProceduralBatch(textures=textures, **real)


def inside(batch: ProceduralBatch, points: Float[Tensor, "B K 3"]) -> Bool[Tensor, "B K"]:
    """Whether each point, in world units, lies in any primitive of its object; raises ValueError as `cast`."""
    if points.ndim != 3 or points.shape[::2] != (len(batch), 3):
        raise ValueError(f"points must be ({len(batch)}, K, 3), found {tuple(points.shape)}")
    offset = points[:, None] - batch.centre[:, :, None]  # (B, P, K, 3)
    local = (offset @ batch.rotation / batch.scale[:, :, None]).movedim(-1, 0)
    found = torch.zeros(local.shape[1:], dtype=torch.bool, device=points.device)
    for kind in Kind:
        chosen = batch.mask & (batch.kind == kind)
        here = local[:, chosen]
        form = batch.form[chosen][:, None].expand(here.shape[1:])
        found[chosen] = contains(kind, here.flatten(1), form.flatten()).view(here.shape[1:])
    return found.any(1)


def _sample_object(seed: int) -> dict[str, np.ndarray]:
    """Every field of one object, slots beyond its primitives filled with a copy of the last."""
    rng = np.random.default_rng(seed)
    parts = arrange(rng)
    finishes = Finishes(rng)
    firsts = {part.finish: part for part in reversed(parts)}  # parts of one finish look as the first of them
    textures = {number: finishes.draw(firsts[number].scale) for number in dict.fromkeys(p.finish for p in parts)}
    filled = [parts[min(slot, len(parts) - 1)] for slot in range(MAX_PRIMITIVES)]
    looks, placed = [textures[part.finish] for part in filled], ("kind", "centre", "rotation", "scale", "form")
    return {
        "mask": np.arange(MAX_PRIMITIVES) < len(parts),
        **{name: np.stack([getattr(part, name) for part in filled]) for name in placed},
        **{name: np.stack([look[name] for look in looks]) for name in looks[0]},
        **_sample_lights(rng),
    }


def _sample_lights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One to three lights: mostly from above, and more often from the source camera's side (-y)."""
    count = 1 + int(rng.random() * MAX_LIGHTS)
    strength = (0.3 + rng.random(MAX_LIGHTS)) * (np.arange(MAX_LIGHTS) < count)
    return {
        "light": np.stack([_sample_direction(rng) for _ in range(MAX_LIGHTS)]),
        "strength": strength / strength.sum(),
        "ambient": np.asarray(0.35 + 0.3 * rng.random()),
        "wrap": np.asarray(0.1 + 0.4 * rng.random()),
    }


def _sample_direction(rng: np.random.Generator) -> np.ndarray:
    lowest = 0.25 if rng.random() < 0.85 else -1.0
    height, azimuth = lowest + (0.95 - lowest) * rng.random(), math.pi * (2 * rng.random() - 1)
    if rng.random() < 0.5:
        azimuth /= 2
    level = math.sqrt(1 - height * height)
    return np.array([level * math.sin(azimuth), -level * math.cos(azimuth), height])
