"""A fitted triplane and its file."""

import json
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lrm_core.atomic import save_tensors


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


def load_oracle(path: Path) -> Oracle | None:
    """A saved oracle; None if its file is damaged, since it can be fitted again."""
    try:
        with safe_open(path, framework="pt") as file:
            return Oracle(file.get_tensor("planes"), json.loads(file.metadata()["history"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return None
