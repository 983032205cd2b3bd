"""Which points lie inside procedural objects."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.objects.procedural import ProceduralBatch
from lrm_core.objects.shapes import Kind, contains


def inside(batch: ProceduralBatch, points: Float[Tensor, "B K 3"]) -> Bool[Tensor, "B K"]:
    """Whether each point, in world units, lies in any primitive of its object.

    Raises:
        ValueError: if the shapes do not fit the batch.
    """
    if points.ndim != 3 or points.shape[::2] != (len(batch), 3):
        raise ValueError(
            f"points must be ({len(batch)}, K, 3) for {len(batch)} objects, found {tuple(points.shape)}"
        )
    offset = points[:, None] - batch.centre[:, :, None]  # (B, P, K, 3)
    local = (offset @ batch.rotation / batch.scale[:, :, None]).movedim(-1, 0)
    found = torch.zeros(local.shape[1:], dtype=torch.bool, device=points.device)
    for kind in Kind:
        chosen = batch.mask & (batch.kind == kind)
        here = local[:, chosen]
        form = batch.form[chosen][:, None].expand(here.shape[1:])
        found[chosen] = contains(kind, here.flatten(1), form.flatten()).view(here.shape[1:])
    return found.any(1)
