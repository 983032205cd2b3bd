"""Plain definitions of the canonical solids, to test the fast ones against."""

import torch
from torch import Tensor

from lrm_core.objects.shapes import Kind


def _ref_measure(kind: int, points: Tensor, form: Tensor) -> Tensor:
    """A number that is positive inside the canonical solid and negative outside, for points (..., 3)."""
    x, y, z = points.unbind(-1)
    level, size = torch.hypot(x, y), points.abs()
    ends = 1 - z.abs()
    along = (1 - z) / 2  # 1 at the base, 0 at the top
    if kind == Kind.ELLIPSOID:
        return 1 - points.norm(dim=-1)
    if kind == Kind.BOX:
        return 1 - size.amax(-1)
    if kind == Kind.TORUS:
        return form - torch.hypot(level - (1 - form), z)
    if kind == Kind.ROUNDED:
        return 1 - (size**4).sum(-1) ** 0.25
    if kind == Kind.WEDGE:
        return torch.stack([1 - y.abs(), z + 1, along - x.abs()]).amin(0)
    if kind == Kind.PYRAMID:
        return torch.minimum(ends, form + along * (1 - form) - size[..., :2].amax(-1))
    if kind == Kind.HEXAGON:
        flat = torch.maximum(y.abs(), (3**0.5 * x.abs() + y.abs()) / 2)
        return torch.minimum(ends, 3**0.5 / 2 - flat)
    radius = {
        Kind.CYLINDER: torch.ones_like(z),
        Kind.CONE: along,
        Kind.FRUSTUM: form + along * (1 - form),
        Kind.BARREL: (1 - (1 - form**2) * z**2).clamp(min=0).sqrt(),
        Kind.SPOOL: (form**2 + (1 - form**2) * z**2).sqrt(),
        Kind.DOME: (1 - ((z + 1) / 2) ** 2).clamp(min=0).sqrt(),
    }[kind]
    return torch.minimum(ends, radius - level)
