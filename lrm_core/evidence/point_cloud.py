"""Coloured points with an error each: what a record keeps of them, and files that viewers of points read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

BINS = 50  # of the histogram, over errors from 0 to 1
WORST = 0.1  # share of the points that `summary` looks at separately
_VERTEX = np.dtype(
    [(axis, "<f4") for axis in ("x", "y", "z")]
    + [(channel, "u1") for channel in ("red", "green", "blue")]
    + [("error", "<f4"), ("hidden", "u1")]
)
_PLY_TYPES = {"f": "float", "u": "uchar"}


@dataclass(frozen=True)
class PointCloud:
    """Points of a surface.

    Attributes:
        points: in world units, (n, 3).
        colour: in [0, 1], (n, 3).
        error: of the colour, (n,).
        hidden: whether the source does not see them, (n,).

    Raises:
        ValueError: if the numbers of points differ or the points and colours do not have three columns.
    """

    points: Float[Tensor, "n 3"]
    colour: Float[Tensor, "n 3"]
    error: Float[Tensor, "n"]
    hidden: Bool[Tensor, "n"]

    def __post_init__(self) -> None:
        found = [tuple(value.shape) for value in (self.points, self.colour, self.error, self.hidden)]
        count = len(self.points)
        if found != [(count, 3), (count, 3), (count,), (count,)]:
            raise ValueError(f"expected points and colour (n, 3), error and hidden (n,), found {found}")

    def __len__(self) -> int:
        return len(self.points)

    def sample(self, count: int, generator: torch.Generator) -> "PointCloud":
        """At most so many of the points, drawn without repetition, in their order."""
        chosen = torch.randperm(len(self), generator=generator)[:count].sort().values
        parts = (self.points, self.colour, self.error, self.hidden)
        return PointCloud(*(part[chosen] for part in parts))

    def record(self) -> dict[str, list[Any]]:
        """Lists by column: x, y, z (to 0.001), error (to 0.0001), red, green, blue (0 to 255), hidden (0 or 1)."""
        columns = dict(zip("xyz", self.points.double().round(decimals=3).T.tolist(), strict=True))
        colours = zip(("red", "green", "blue"), self._bytes().T.tolist(), strict=True)
        columns |= {"error": self.error.double().round(decimals=4).tolist(), **dict(colours)}
        return columns | {"hidden": self.hidden.int().tolist()}

    @classmethod
    def from_record(cls, columns: Mapping[str, Sequence[float]]) -> "PointCloud":
        """The cloud that `record` wrote, as far as it was rounded.

        Raises:
            ValueError: if a column is missing, or they differ in length.
        """
        missing = [name for name in _VERTEX.names if name not in columns]
        if missing:
            raise ValueError(
                f"expected a cloud with the columns {', '.join(_VERTEX.names)}; missing {missing}"
            )

        def stack(names: str | tuple[str, ...]) -> Tensor:
            return torch.stack([torch.tensor(columns[name], dtype=torch.float32) for name in names], dim=-1)

        try:
            colour = stack(("red", "green", "blue")) / 255
            return cls(stack("xyz"), colour, stack(("error",))[:, 0], stack(("hidden",))[:, 0].bool())
        except RuntimeError as error:
            raise ValueError(f"expected columns of one length ({error})") from error

    def ply(self) -> bytes:
        """A binary PLY file: x y z red green blue, and as further properties error and hidden."""
        vertices = np.zeros(len(self), _VERTEX)
        for index, axis in enumerate("xyz"):
            vertices[axis] = self.points[:, index].numpy()
        for index, channel in enumerate(("red", "green", "blue")):
            vertices[channel] = self._bytes()[:, index].numpy()
        vertices["error"], vertices["hidden"] = self.error.numpy(), self.hidden.numpy()
        properties = [f"property {_PLY_TYPES[_VERTEX[name].kind]} {name}" for name in _VERTEX.names]
        header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(self)}", *properties]
        return "\n".join([*header, "end_header\n"]).encode() + vertices.tobytes()

    def _bytes(self) -> Tensor:
        return (self.colour.clamp(0, 1) * 255).round().to(torch.uint8)


def summary(error: Float[Tensor, "n"]) -> dict[str, Any]:
    """How errors, between 0 and 1, are distributed.

    Returns:
        points: how many; mean, median; worst_share: share of the sum that the worst `WORST` of the points hold
        (`WORST` itself if all are equal); None without points, worst_share also where all errors are zero;
        histogram: share of the points in each of `BINS` equal bins from 0 to 1.
    """
    count, error = len(error), error.double().clamp(0, 1)
    if not count:
        return {"points": 0, "mean": None, "median": None, "worst_share": None, "histogram": [0.0] * BINS}
    worst = _worst_sum(error) / float(error.sum()) if error.any() else None
    return {
        "points": count,
        "mean": float(error.mean()),
        "median": float(error.median()),
        "worst_share": worst,
        "histogram": (error.histc(BINS, 0, 1) / count).tolist(),
    }


def _worst_sum(error: Float[Tensor, "n"]) -> float:
    """Sum over the worst `WORST` of the points, the last of them in part where that is no whole number."""
    descending, wanted = error.sort(descending=True).values, WORST * len(error)
    whole = int(wanted)
    return float(descending[:whole].sum() + (wanted - whole) * descending[min(whole, len(error) - 1)])
