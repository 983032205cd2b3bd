"""The learning-rate schedule that every fit ends on."""

import math


def cosine(progress: float) -> float:
    """Share of the first learning rate: 1 at progress 0, a hundredth at 1 and beyond, along half a cosine."""
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
