"""Procedural objects: an object is a number, and the number fixes shapes, textures and light.

Primitives are put together by a plan of `families.py`, or at random. Either way the parts touch, and they are moved
and scaled to fill the bounding sphere.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrm_core.objects.families import MAX_PRIMITIVES, PLANS
from lrm_core.objects.finishes import Finishes
from lrm_core.objects.parts import Part, Rotation, Vector, about_z, between, draw_form, mirrored
from lrm_core.objects.shapes import POINTED, Kind, contains
from lrm_core.objects.textures import Textures

MAX_LIGHTS = 3
FIRST_HELD_OUT_SEED = 10_000_000  # training draws below, evaluation from here on
BOUND = 0.95  # world units, radius of the bounding sphere
LOOSE, LOOSE_PARTS = 0.15, 6  # share of objects without a plan, and how many primitives they have at most
UPRIGHT = 0.9  # share of planned objects that stand on their feet
FACING = 0.5  # share of planned objects that look at the source camera
_CORE_FORMS = (0.65, 0.72)  # shares of blobs, and of blobs and rods; the rest are plates
_LIMB_FORMS = (0.5, 0.75)
HULL_SLACK = 1.004  # the hull is sampled: what may stick out between its samples


def held_out_seeds(count: int) -> range:
    """Seeds of the first `count` objects that no training may see."""
    return range(FIRST_HELD_OUT_SEED, FIRST_HELD_OUT_SEED + count)


def procedural_name(seed: int) -> str:
    """Name of the object with the given number, and of its folder."""
    return f"procedural_{seed}"


@dataclass(frozen=True)
class ProceduralBatch:
    """Objects with P = 10 primitive slots each, and L = 3 lights.

    A canonical point p of a primitive lies at centre + rotation @ (scale * p), in world units.
    """

    mask: Bool[Tensor, "B P"]  # the slots in use
    kind: Int[Tensor, "B P"]  # a `shapes.Kind`, which says what its form is
    centre: Float[Tensor, "B P 3"]
    rotation: Float[Tensor, "B P 3 3"]
    scale: Float[Tensor, "B P 3"]
    form: Float[Tensor, "B P"]
    textures: Textures
    light: Float[Tensor, "B L 3"]  # unit vectors towards the lights, fixed in the world
    strength: Float[Tensor, "B L"]  # of each light; they add up to 1
    ambient: Float[Tensor, " B"]  # share of the colour that shows without light
    wrap: Float[Tensor, " B"]  # how far light reaches beyond the terminator; 0 is Lambert's law, 1 all round

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


def arrange(rng: np.random.Generator) -> list[Part]:
    """Draw the 2 to 10 primitives of one object, normalised to the bounding sphere."""
    if rng.random() < LOOSE:
        return _normalise(_heap(rng))
    share = rng.random()
    parts = next(plan for limit, plan in PLANS if share < limit)(rng)
    turn = np.eye(3) if rng.random() < FACING else about_z(2 * math.pi * rng.random())
    if rng.random() > UPRIGHT:
        turn = turn @ _quarter_turn(rng)
    return _normalise([part.turned(turn) for part in parts])


def _heap(rng: np.random.Generator) -> list[Part]:
    """2 to 6 primitives, each attached to an earlier one."""
    count = 2 + int(rng.random() * (LOOSE_PARTS - 1))
    upright, spin = rng.random() < 0.55, about_z(2 * math.pi * rng.random())
    spin = spin if upright else None
    parts = [_draw_part(rng, 0.5, _CORE_FORMS, spin)]
    while len(parts) < count:
        parent = parts[int(rng.random() ** 2 * len(parts))]  # mostly the first ones: fewer long chains
        part = _draw_part(rng, 0.5 * between(rng, 0.35, 0.85), _LIMB_FORMS, spin)
        part = replace(_attach(rng, parent, part, spin), finish=len(parts))
        parts.append(part)
        offset, planes = part.centre - parent.centre, 2 if parent.kind in POINTED else 3
        farthest = np.argmax(np.abs(offset @ parent.rotation[:, :planes]))  # of the parent's planes of symmetry
        twin = mirrored(part, parent.rotation[:, farthest], parent.centre)
        clear = np.linalg.norm(part.centre - twin.centre) > 2 * part.scale.max()  # coinciding faces would flicker
        if len(parts) < count and rng.random() < 0.5 and clear:
            parts.append(twin)
    return parts


def _draw_part(rng: np.random.Generator, size: float, forms: tuple[float, float], spin: Rotation | None) -> Part:
    """A primitive at the origin: a blob, a rod or a plate, with its longest half size equal to `size`."""
    kind = Kind(int(rng.random() * len(Kind)))
    shape, form = rng.random(), draw_form(rng, kind)
    if kind == Kind.TORUS:
        scale = np.array([1, 1 if rng.random() < 0.7 else between(rng, 0.5, 1), between(rng, 0.7, 1.3)])
    elif shape < forms[0]:
        scale = np.array([1, between(rng, 0.5, 1), between(rng, 0.5, 1)])
    elif shape < forms[1]:
        scale = np.array([1, *[between(rng, 0.14, 0.35)] * 2])
    else:
        scale = np.array([1, between(rng, 0.5, 1), between(rng, 0.12, 0.3)])
    axial = kind not in (Kind.TORUS, Kind.ELLIPSOID, Kind.BOX, Kind.ROUNDED)
    if axial and rng.random() >= 0.2:  # mostly round about their axis
        long, middle, short = scale
        scale = np.array([short, middle, long] if short == middle else [long, long, short])
    return Part(kind, np.zeros(3), _draw_turn(rng, spin), np.maximum(size * scale, 0.05), form)


def _attach(rng: np.random.Generator, parent: Part, part: Part, spin: Rotation | None) -> Part:
    """Move the part so that it holds a random place of the parent's surface."""
    points, normals = parent.surface()
    facing = normals @ _draw_turn(rng, spin)[:, 2]
    eligible = np.flatnonzero(facing > facing.max() - 0.1)
    chosen = eligible[int(rng.random() * len(eligible))]
    return replace(part, centre=points[chosen] - _contact(rng, part, -normals[chosen]))


def _contact(rng: np.random.Generator, part: Part, towards: Vector) -> Vector:
    """A place inside a part about the origin, well out in a direction."""
    points = part.surface()[0]
    reach = points @ towards
    extreme = points[reach >= 0.98 * reach.max()]
    if part.kind == Kind.SPOOL:  # hollow-sided: between two outer points there may be nothing
        extreme = extreme[:1]
    if part.kind != Kind.TORUS:
        return between(rng, 0.4, 0.9) * extreme.mean(axis=0)
    ring, tube = 1 - part.form, part.form
    deepest = 2 * tube**2 / (ring**2 + tube**2)  # shrinking an outer point further would leave the tube
    return (1 - deepest * between(rng, 0.1, 0.9)) * extreme[int(rng.random() * len(extreme))]


def _normalise(parts: list[Part]) -> list[Part]:
    """The parts moved and scaled together to fill the sphere of radius `BOUND` about the origin.

    A nearly smallest ball that holds them all becomes that sphere (Badoiu and Clarkson 2003).
    """
    points = np.concatenate([part.surface()[0] for part in parts])
    square = np.einsum("ij,ij->i", points, points)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    for step in range(100):
        farthest = points[np.argmax(square - 2 * points @ centre)]
        centre = centre + (farthest - centre) / (step + 10)
    grow = BOUND / (float(np.linalg.norm(points - centre, axis=1).max()) * HULL_SLACK)
    return [replace(part, centre=(part.centre - centre) * grow, scale=part.scale * grow) for part in parts]


def _draw_turn(rng: np.random.Generator, spin: Rotation | None) -> Rotation:
    """A quarter turn before the `spin` that all upright parts share, or any rotation where there is none."""
    return _random_rotation(rng) if spin is None else spin @ _quarter_turn(rng)


def _quarter_turn(rng: np.random.Generator) -> Rotation:
    """One of the 6 rotations that only rename axes and signs, with z to each side equally often."""
    axis, sign = int(rng.random() * 3), 1.0 if rng.random() < 0.5 else -1.0
    cycle = np.roll(np.eye(3), axis, axis=0)
    return cycle @ np.diag([1.0, sign, sign])


def _random_rotation(rng: np.random.Generator) -> Rotation:
    """Uniform rotation from a unit quaternion (Shoemake 1992)."""
    u, v, w = rng.random(), 2 * math.pi * rng.random(), 2 * math.pi * rng.random()
    a, b = math.sqrt(1 - u), math.sqrt(u)
    x, y, z, s = a * math.sin(v), a * math.cos(v), b * math.sin(w), b * math.cos(w)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * s * skew + 2 * skew @ skew
