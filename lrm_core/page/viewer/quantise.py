"""Planes and decoder as bytes: eight bits a value, with an offset and a step for each channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.model.decoder import HIDDEN
from lrm_core.render.field import check_planes

LEVELS = 255  # steps between the least and the greatest value of a channel
LITTLE = np.dtype("<f4")


@dataclass(frozen=True)
class Packed:
    """Tensors in one string of bytes.

    Attributes:
        directory: for each name its `shape`, its number of `rows` that have a scale of their own, and the `offset`
            of its first byte; JSON-ready.
        data: for each tensor the rows' least values and steps (32-bit floats), then one byte a value, row by row.
    """

    directory: Mapping[str, Mapping[str, Any]]
    data: bytes


def pack(tensors: Mapping[str, tuple[Tensor, int]], decoder: nn.Module | None = None) -> Packed:
    """Quantise each row of each tensor to the 256 levels between its least and greatest value.

    A row of one value is kept exactly (as a 32-bit float), so that biases, a row each, lose nothing.

    Args:
        tensors: by name the tensor and how many of its leading dimensions count rows.
        decoder: its parameters come too, a row for each output.

    Returns:
        values that differ by at most half a step of their row; see `unpack`.

    Raises:
        ValueError: if a value is NaN or infinite.
    """
    directory, parts, offset = {}, [], 0
    weights = {name: (value, 1) for name, value in decoder.state_dict().items()} if decoder else {}
    for name, (tensor, leading) in {**tensors, **weights}.items():
        values = tensor.detach().cpu().double().reshape(*tensor.shape[:leading], -1).flatten(0, -2).numpy()
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: expected finite values, found {(~np.isfinite(values)).sum()} others")
        directory[name] = {"shape": list(tensor.shape), "rows": len(values), "offset": offset}
        parts.append(_rows(values))
        offset += len(parts[-1])
    return Packed(directory, b"".join(parts))


def _rows(values: np.ndarray) -> bytes:
    """Least values, steps and codes of a (rows, columns) matrix."""
    low = values.min(1, keepdims=True).astype(LITTLE)
    step = ((values.max(1, keepdims=True) - low) / LEVELS).astype(LITTLE)
    safe = np.where(step > 0, step, 1).astype(np.float64)
    codes = np.clip(np.rint((values - low) / safe), 0, LEVELS).astype(np.uint8)
    return low.tobytes() + step.tobytes() + codes.tobytes()


def unpack(packed: Packed) -> dict[str, Tensor]:
    """The tensors as the page sees them, in 32-bit floats."""
    return {name: _unpacked(packed.data, **entry) for name, entry in packed.directory.items()}


def _unpacked(data: bytes, shape: list[int], rows: int, offset: int) -> Tensor:
    low, step = np.frombuffer(data, LITTLE, 2 * rows, offset).reshape(2, rows, 1)
    count = int(np.prod(shape))
    codes = np.frombuffer(data, np.uint8, count, offset + 8 * rows).reshape(rows, -1)
    return torch.from_numpy(low + step * codes.astype(LITTLE)).reshape(shape)


def pack_field(planes: Float[Tensor, "3 C R R"], decoder: nn.Module) -> Packed:
    """A triplane as `planes` and its decoder as `net.0.weight` to `net.6.bias`; raises as `check_field`."""
    check_field(planes, decoder)
    return pack({"planes": (planes, 2)}, decoder)


def check_field(planes: Float[Tensor, "3 C R R"], decoder: nn.Module) -> None:
    """Whether the page can draw a triplane with a decoder.

    Raises:
        ValueError: if the shapes do not go together, or are not those that the viewer's shader is written for.
    """
    check_planes(planes, 4)
    shapes = {name: tuple(value.shape) for name, value in decoder.state_dict().items()}
    expected = _decoder_shapes(planes.shape[1])
    if shapes != expected:
        raise ValueError(f"decoder: expected the parameters {expected}, found {shapes}")


def _decoder_shapes(channels: int) -> dict[str, tuple[int, ...]]:
    widths = (3 * channels, HIDDEN, HIDDEN, HIDDEN, 4)
    shapes = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        shapes[f"net.{2 * layer}.weight"] = (outputs, inputs)
        shapes[f"net.{2 * layer}.bias"] = (outputs,)
    return shapes
