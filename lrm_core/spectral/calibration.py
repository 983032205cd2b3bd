"""Calibrations of a predicted triplane: the scale and the shift that bring it closest to the oracle (method E11).

All of them follow in closed form from six numbers per channel, so that one calibration for several objects needs
nothing else of them.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Kind = Literal["scale", "channel_scale", "channel_affine"]
KINDS: tuple[Kind, ...] = ("scale", "channel_scale", "channel_affine")


@dataclass(frozen=True)
class Moments:
    """Means and (co)variances of predicted and reference values over the texels of each channel, all (3, C).

    Attributes:
        count: texels of each plane, (3, 1).
        mean_pred, mean_ref, var_pred, var_ref, cov: float64; divided by the count.
    """

    count: Float[Tensor, "3 1"]
    mean_pred: Float[Tensor, "3 c"]
    mean_ref: Float[Tensor, "3 c"]
    var_pred: Float[Tensor, "3 c"]
    var_ref: Float[Tensor, "3 c"]
    cov: Float[Tensor, "3 c"]


@dataclass(frozen=True)
class Calibration:
    """scale * T + offset in each channel, both (3, C), float64."""

    scale: Float[Tensor, "3 c"]
    offset: Float[Tensor, "3 c"]

    def apply(self, planes: Float[Tensor, "3 c r r"]) -> Float[Tensor, "3 c r r"]:
        """The calibrated planes."""
        scale, offset = (x[..., None, None].to(planes) for x in (self.scale, self.offset))
        return scale * planes + offset


def moments(
    predicted: Float[Tensor, "3 c r r"],
    reference: Float[Tensor, "3 c r r"],
    mask: Bool[Tensor, "3 r r"] | None = None,
) -> Moments:
    """Moments of each channel over the texels of its plane, or over those of the mask.

    Raises:
        ValueError: if the shapes differ, are not (3, C, R, R), or a plane has no texel in the mask.
    """
    if predicted.shape != reference.shape or predicted.dim() != 4 or len(predicted) != 3:
        found = f"{tuple(predicted.shape)} and {tuple(reference.shape)}"
        raise ValueError(f"expected two triplanes of one shape (3, C, R, R), found {found}")
    inside = torch.ones_like(predicted[:, 0], dtype=torch.bool) if mask is None else mask
    if inside.shape != predicted[:, 0].shape or not inside.flatten(1).any(1).all():
        found = f"{tuple(inside.shape)} with {inside.sum().item()} texels"
        raise ValueError(f"expected a mask (3, R, R) with texels of each plane, found {found}")
    weight = inside.flatten(1)[:, None].double()  # (3, 1, texels)
    count, p, r = weight.sum(-1), predicted.flatten(2).double(), reference.flatten(2).double()
    mean_p, mean_r = ((x * weight).sum(-1) / count for x in (p, r))
    p, r = p - mean_p[..., None], r - mean_r[..., None]
    spreads = ((a * b * weight).sum(-1) / count for a, b in ((p, p), (r, r), (p, r)))
    return Moments(count, mean_p, mean_r, *spreads)


def calibrate(m: Moments, kind: Kind) -> Calibration:
    """The least-squares calibration of a kind: the one that leaves the smallest sum of squares to the reference.

    "scale" is one number for all channels; "channel_scale" one of each channel of each plane; "channel_affine" that
    and a shift. A channel that says nothing (zero, or constant where a shift is fitted) keeps its scale of 1.
    """
    square, product = m.var_pred + m.mean_pred.square(), m.cov + m.mean_pred * m.mean_ref
    if kind == "scale":
        ratio = _ratio((m.count * product).sum(), (m.count * square).sum())
        return Calibration(ratio.expand_as(m.cov).clone(), torch.zeros_like(m.cov))
    if kind == "channel_scale":
        return Calibration(_ratio(product, square), torch.zeros_like(m.cov))
    if kind not in KINDS:
        raise ValueError(f"unknown calibration {kind!r}; expected one of {', '.join(KINDS)}")
    scale = _ratio(m.cov, m.var_pred)
    return Calibration(scale, m.mean_ref - scale * m.mean_pred)


def squared_error(m: Moments, calibration: Calibration) -> float:
    """Sum of the squares of calibrated prediction minus reference, over all channels and their texels."""
    a, shift = calibration.scale, calibration.scale * m.mean_pred + calibration.offset - m.mean_ref
    spread = m.var_ref + a.square() * m.var_pred - 2 * a * m.cov
    return float((m.count * (spread.clamp(min=0) + shift.square())).sum())


def removed_share(m: Moments, calibration: Calibration) -> float | None:
    """Share of the squared residual that a calibration removes; below 0 it adds. None if there is no residual."""
    before = squared_error(m, Calibration(torch.ones_like(m.cov), torch.zeros_like(m.cov)))
    return 1 - squared_error(m, calibration) / before if before else None


def unrelated(m: Moments) -> Moments:
    """The moments if the residual were noise of the same size in each channel that knows nothing of the reference.

    The null reference of a calibration: a noisy prediction is improved by shrinking it, as every regression shrinks
    (regression dilution), although nothing about its scale is wrong.
    """
    residual = m.var_pred + m.var_ref - 2 * m.cov + (m.mean_pred - m.mean_ref).square()
    return Moments(m.count, m.mean_ref, m.mean_ref, m.var_ref + residual, m.var_ref, m.var_ref)


def parameters(kind: Kind, channels: int) -> int:
    """How many numbers a calibration of a triplane of 3 x `channels` channels has."""
    return {"scale": 1, "channel_scale": 3 * channels, "channel_affine": 6 * channels}[kind]


def _ratio(top: Tensor, bottom: Tensor) -> Tensor:
    """top / bottom, 1 where bottom is zero."""
    return torch.where(bottom > 0, top / bottom.clamp(min=1e-300), torch.ones_like(bottom))
