"""Finishes: which texture and which colours a primitive of a procedural object gets."""

import colorsys
from typing import Any

import numpy as np
from jaxtyping import Float

from lrm_core.objects.textures import Pattern

PATTERNS = {  # share of the primitives, and cycles per world unit, drawn log-uniform between
    Pattern.FLAT: (0.30, 1.0, 1.0),
    Pattern.STRIPES: (0.08, 1.2, 14.0),
    Pattern.CHECKER: (0.07, 1.2, 14.0),
    Pattern.GRADIENT: (0.07, 1.0, 1.0),  # replaced: one pass over the primitive
    Pattern.NOISE: (0.10, 2.0, 16.0),
    Pattern.WOOD: (0.12, 2.5, 9.0),
    Pattern.MARBLE: (0.08, 0.8, 4.0),
    Pattern.BRICK: (0.05, 1.5, 5.0),
    Pattern.DOTS: (0.05, 2.0, 8.0),
    Pattern.SPECKLE: (0.08, 9.0, 16.0),
}
STRONG, GENTLE = 0.35, 0.08  # least difference of a texture's two colours in some channel

Colour = Float[np.ndarray, " 3"]
Family = tuple[tuple[float, float], ...]  # lowest and highest hue, saturation and value of some colours, in [0, 1]

WOODS = (((0.05, 0.11), (0.35, 0.75), (0.25, 0.85)),)
MARBLES = (
    ((0.08, 0.16), (0.0, 0.08), (0.8, 0.97)),  # white
    ((0.55, 0.65), (0.0, 0.1), (0.25, 0.6)),  # grey
    ((0.35, 0.45), (0.3, 0.6), (0.15, 0.35)),  # dark green
)
BRICKS = (((0.0, 0.05), (0.5, 0.75), (0.4, 0.7)),)
MORTARS = (((0.08, 0.14), (0.02, 0.12), (0.75, 0.9)),)
NATURAL = (
    *WOODS,
    ((0.05, 0.6), (0.0, 0.12), (0.2, 0.85)),  # stone
    ((0.0, 1.0), (0.15, 0.45), (0.3, 0.85)),  # fabric
    ((0.55, 0.65), (0.0, 0.12), (0.45, 0.8)),  # steel
    ((0.11, 0.14), (0.4, 0.65), (0.6, 0.85)),  # brass
    ((0.08, 0.16), (0.0, 0.08), (0.85, 0.98)),  # white
)
VIVID = (
    *[((0.0, 1.0), (0.6, 1.0), (0.55, 1.0))] * 3,  # saturated, as often as the others together
    ((0.0, 1.0), (0.0, 0.6), (0.1, 0.4)),  # dark
    *[((0.0, 1.0), (0.0, 0.4), (0.7, 1.0))] * 2,  # light
)
MATERIALS = {Pattern.WOOD: WOODS, Pattern.MARBLE: MARBLES, Pattern.BRICK: BRICKS}
IN_MATERIAL = 0.85  # share of wood, marble and brick in the colours of that material


class Finishes:
    """The finishes of one object, drawn one by one from its palette.

    Half of the palettes are natural (wood, stone, fabric, metal, white), the others saturated, dark or light
    in any hue. An object's primitives share three colours, and one of each material; half of the colours
    are a primitive's own.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw the palette. `rng` is kept, and moved on by each draw."""
        self._rng = rng
        self._families = NATURAL if rng.random() < 0.5 else VIVID
        self._shared = [self._colour(self._families) for _ in range(3)]
        self._materials = {pattern: self._colour(families) for pattern, families in MATERIALS.items()}

    def draw(self, scale: Float[np.ndarray, " 3"]) -> dict[str, Any]:
        """The fields of `Textures` for one primitive of these half sizes in world units; moves the generator on."""
        pattern = self._pattern()
        axis, aligned, which = 2 * self._rng.random(3) - 1, self._rng.random() < 0.5, self._rng.random()
        if aligned:  # with an axis of the primitive; wood is cut along the trunk
            axis = np.eye(3)[int(np.argmax(scale)) if pattern == Pattern.WOOD else int(which * 3)]
        axis = axis / np.linalg.norm(axis)
        _, low, high = PATTERNS[pattern]
        frequency = low * (high / low) ** self._rng.random()
        if pattern == Pattern.GRADIENT:
            frequency = 0.5 / np.linalg.norm(scale * axis)  # one pass over the primitive
        return {
            "pattern": int(pattern),
            "frequency": frequency,
            "octaves": 1 + int(self._rng.random() * 3),
            "axis": axis,
            "phase": 64 * self._rng.random(3),
            "colours": np.stack(self._colours(pattern)),
        }

    def _pattern(self) -> Pattern:
        """A pattern, as often as `PATTERNS` says."""
        place = self._rng.random()
        for pattern, (share, *_) in PATTERNS.items():
            place -= share
            if place < 0:
                return pattern
        return Pattern.FLAT  # the shares sum to one up to rounding

    def _colours(self, pattern: Pattern) -> tuple[Colour, Colour]:
        """Two colours that differ in some channel by `STRONG` or more; in half of the draws `GENTLE` to that."""
        strong = self._rng.random() < 0.5
        if pattern in MATERIALS and self._rng.random() < IN_MATERIAL:
            own = self._rng.random() < 0.5
            first = self._colour(MATERIALS[pattern]) if own else self._materials[pattern]
            mortar = strong and pattern == Pattern.BRICK
            return first, self._apart(first, MORTARS) if mortar else self._tone(first, strong)
        first = self._pick()
        return first, self._apart(first, self._families) if strong else self._tone(first, strong)

    def _pick(self) -> Colour:
        """A colour of the palette: one of the shared, or a new one."""
        if self._rng.random() < 0.5:
            return self._shared[int(self._rng.random() * 3)]
        return self._colour(self._families)

    def _apart(self, first: Colour, families: tuple[Family, ...]) -> Colour:
        """A colour that differs from `first` by `STRONG` in some channel; a far tone of it if none is found."""
        for _ in range(20):
            second = self._pick() if families is self._families else self._colour(families)
            if np.abs(first - second).max() >= STRONG:
                return second
        return self._tone(first, strong=True)

    def _tone(self, first: Colour, strong: bool) -> Colour:
        """`first` darkened or lightened, so that the channel that moves most moves by a drawn difference.

        A difference of at most 0.5 fits one way or the other: either a channel is at least 0.5, or all are
        below.
        """
        low, high = (STRONG + 0.01, 0.5) if strong else (GENTLE + 0.01, STRONG - 0.01)
        difference = low + (high - low) * self._rng.random()
        brightest, room = first.max(), 1 - first.min()
        darken = self._rng.random() < 0.5 if min(brightest, room) >= difference else brightest > room
        return first * (1 - difference / brightest) if darken else first + (1 - first) * (difference / room)

    def _colour(self, families: tuple[Family, ...]) -> Colour:
        """A colour, rgb (3,) in [0, 1], of one of the families, each as likely as any other."""
        which, *places = self._rng.random(4).tolist()
        ranges = families[int(which * len(families))]
        hsv = [low + (high - low) * place for (low, high), place in zip(ranges, places, strict=True)]
        return np.array(colorsys.hsv_to_rgb(*hsv))
