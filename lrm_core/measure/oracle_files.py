"""A fitted triplane and its file."""

import json
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from lrm_core.atomic import save_tensors
from lrm_core.files import check_listed, parse_json, read_tensors


@dataclass(frozen=True)
class Oracle:
    """A fitted triplane.

    Attributes:
        planes: T_ref, (3, C, R, R).
        history: step, loss, train_psnr, heldout_psnr as lists.
    """

    planes: Float[Tensor, "3 c r r"]
    history: dict[str, list[float]]


def save_oracle(path: Path, fitted: Oracle) -> None:
    """Write an oracle to a safetensors file, its history into the header."""
    planes = fitted.planes.cpu().contiguous()
    save_tensors(path, {"planes": planes}, {"history": json.dumps(fitted.history)})


def load_oracle(path: Path) -> Oracle:
    """A saved oracle.

    Raises:
        ValueError: naming the file, if it is damaged or another's; it can be fitted again.
    """
    check_listed(path)
    tensors, header = read_tensors(path, "it is fitted again")
    planes, history = tensors.get("planes"), parse_json(header.get("history", "null"), path)
    if planes is None or planes.ndim != 4 or len(planes) != 3 or not isinstance(history, dict):
        raise ValueError(f"{path}: expected planes (3, C, R, R) and the history of their fit; it is fitted again")
    return Oracle(planes, history)
