"""Procedural objects: an object is a number, and the number fixes shapes, textures and light."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrm_core.objects.arrange import MAX_PRIMITIVES, Part, arrange
from lrm_core.objects.textures import Pattern, Textures


@dataclass(frozen=True)
class ProceduralBatch:
    """Objects with P = 6 primitive slots each; `mask` tells the slots in use.

    kind: a `shapes.Kind`.
    centre, rotation, scale: a canonical point p lies at centre + rotation @ (scale * p), in world units.
    tube: tube radius of a torus in its canonical frame.
    light: unit vector towards the light, fixed in the world.
    ambient: share of the colour that shows without light.
    wrap: how far light reaches beyond the terminator; 0 is Lambert's law, 1 reaches all round.
    """

    mask: Bool[Tensor, "B P"]
    kind: Int[Tensor, "B P"]
    centre: Float[Tensor, "B P 3"]
    rotation: Float[Tensor, "B P 3 3"]
    scale: Float[Tensor, "B P 3"]
    tube: Float[Tensor, "B P"]
    textures: Textures
    light: Float[Tensor, "B 3"]
    ambient: Float[Tensor, " B"]
    wrap: Float[Tensor, " B"]

    def __len__(self) -> int:
        return len(self.mask)

    def map(self, change: Callable[[Tensor], Tensor]) -> ProceduralBatch:
        """The batch with `change` applied to each tensor."""
        fields = {
            name: value.map(change) if name == "textures" else change(value)
            for name, value in vars(self).items()
        }
        return ProceduralBatch(**fields)

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> ProceduralBatch:
        """The batch on another device, its real numbers in another precision."""
        return self.map(lambda value: value.to(device, dtype if value.is_floating_point() else None))


def sample_objects(seeds: Sequence[int], device: torch.device | str = "cpu") -> ProceduralBatch:
    """Make the objects with the given numbers.

    The same seed gives the same object in any batch. An object has 2 to 6 primitives that touch, within a
    sphere of radius 0.95 about the origin that it fills.

    Raises:
        ValueError: if there is no seed, or one is negative.
    """
    if not len(seeds) or min(seeds) < 0:
        raise ValueError(f"seeds must be one or more non-negative integers, found {list(seeds)}")
    rows = [_sample_object(int(seed)) for seed in seeds]
    stacked = {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
    real = {name: value.float() if value.is_floating_point() else value for name, value in stacked.items()}
    textures = Textures(**{name: real.pop(name) for name in Textures.__dataclass_fields__})
    return ProceduralBatch(textures=textures, **real).to(device)


def _sample_object(seed: int) -> dict[str, np.ndarray]:
    """Every field of one object, slots beyond its primitives filled with a copy of the last."""
    rng = np.random.default_rng(seed)
    parts = arrange(rng)
    palette = _Palette(rng)
    textures = [_sample_texture(rng, part, palette) for part in parts]
    slots = [min(slot, len(parts) - 1) for slot in range(MAX_PRIMITIVES)]
    looks = [textures[parts[slot].finish] for slot in slots]
    fields = {name: np.stack([getattr(parts[slot], name) for slot in slots]) for name in _PART_FIELDS}
    return fields | {
        **{name: np.stack([look[name] for look in looks]) for name in looks[0]},
        "mask": np.arange(MAX_PRIMITIVES) < len(parts),
        "light": _sample_light(rng),
        "ambient": np.asarray(0.35 + 0.3 * rng.random()),
        "wrap": np.asarray(0.1 + 0.4 * rng.random()),
    }


def _sample_light(rng: np.random.Generator) -> np.ndarray:
    """Towards the light: mostly from above, and more often from the source camera's side (-y)."""
    lowest = 0.25 if rng.random() < 0.85 else -1.0
    height, azimuth = lowest + (0.95 - lowest) * rng.random(), math.pi * (2 * rng.random() - 1)
    if rng.random() < 0.5:
        azimuth /= 2
    level = math.sqrt(1 - height * height)
    return np.array([level * math.sin(azimuth), -level * math.cos(azimuth), height])


def _sample_texture(rng: np.random.Generator, part: Part, palette: _Palette) -> dict[str, object]:
    pattern = Pattern(int(rng.random() * len(Pattern)))
    low, high = _FREQUENCY[pattern]
    axis = 2 * rng.random(3) - 1
    if rng.random() < 0.5:
        axis = np.eye(3)[int(rng.random() * 3)]
    axis /= np.linalg.norm(axis)
    frequency = low * (high / low) ** rng.random()
    if pattern == Pattern.GRADIENT:
        frequency = 0.5 / np.linalg.norm(part.scale * axis)  # one pass over the primitive
    return {
        "pattern": int(pattern),
        "frequency": frequency,
        "octaves": 1 + int(rng.random() * 3),
        "axis": axis,
        "phase": 64 * rng.random(3),
        "colours": np.stack(palette.pair()),
    }


class _Palette:
    """Colours of one object: three that its primitives share, and some of their own."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._shared = [self._draw() for _ in range(3)]

    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Two colours that differ by at least 0.35 in some channel."""
        first = self._pick()
        while True:
            second = self._pick()
            if np.abs(first - second).max() >= 0.35:
                return first, second

    def _pick(self) -> np.ndarray:
        return self._shared[int(self._rng.random() * 3)] if self._rng.random() < 0.5 else self._draw()

    def _draw(self) -> np.ndarray:
        hue, mood, a, b = self._rng.random(4)
        if mood < 0.5:
            saturation, value = 0.6 + 0.4 * a, 0.55 + 0.45 * b  # saturated
        elif mood < 0.66:
            saturation, value = 0.6 * a, 0.1 + 0.3 * b  # dark
        else:
            saturation, value = 0.4 * a, 0.7 + 0.3 * b  # light
        return np.array(colorsys.hsv_to_rgb(hue, saturation, value))


_PART_FIELDS = ("kind", "centre", "rotation", "scale", "tube")
_FREQUENCY = {  # cycles per world unit, drawn log-uniform between
    Pattern.FLAT: (1.0, 1.0),
    Pattern.STRIPES: (1.2, 9.0),
    Pattern.CHECKER: (1.2, 7.0),
    Pattern.GRADIENT: (1.0, 1.0),
    Pattern.NOISE: (2.0, 9.0),
}
