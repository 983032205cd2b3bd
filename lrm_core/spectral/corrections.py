"""Corrections of a predicted triplane by parts of its residual, their random controls, and its calibrations.

A correction is subtracted from T_pred. Subtracting the whole residual dT = T_pred - T_ref gives T_ref. Functions that
take dT, (3, C, R, R), raise ValueError if it has another shape, or if the edges of a band do not increase.

A calibration is the scale and the shift that bring T_pred closest to the oracle (method E11). All of them follow in
closed form from six numbers per channel, so that one calibration for several objects needs nothing else of them.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.spectral.bands import band_masks, split_bands
from lrm_core.spectral.response import band_noise, check_planes

Kind = Literal["scale", "channel_scale", "channel_affine"]
KINDS: tuple[Kind, ...] = ("scale", "channel_scale", "channel_affine")


class BandSplit(NamedTuple):
    """A residual (3, C, R, R) below and from a cutoff on; the two sum to it, up to rounding."""

    low: Float[Tensor, "3 c r r"]
    high: Float[Tensor, "3 c r r"]


def split_residual(residual: Float[Tensor, "3 c r r"], cutoff: float) -> BandSplit:
    """Split a residual at a radius above 0, in x Nyquist (method E8; published cutoff 0.3).

    The corners of the spectrum are in the high part.
    """
    check_planes(residual, "a residual")
    return BandSplit(*split_bands(residual, (0.0, cutoff, inf)))


def channel_means(residual: Float[Tensor, "3 c r r"]) -> Float[Tensor, "3 c 1 1"]:
    """DC of each channel: 3C numbers, (3, C, 1, 1), that shift whole channels (method E9)."""
    check_planes(residual, "a residual")
    return residual.mean((-2, -1), keepdim=True)


def structured_low(residual: Float[Tensor, "3 c r r"], cutoff: float) -> Float[Tensor, "3 c r r"]:
    """The low part of `split_residual` without the channel means, (3, C, R, R) (method E9)."""
    return split_residual(residual, cutoff).low - channel_means(residual)


def matched_noise(
    residual: Float[Tensor, "3 c r r"], band: tuple[float, float], generator: torch.Generator
) -> Float[Tensor, "3 c r r"]:
    """A random residual in one band, with the power that the true one has there in each channel (method E8).

    It is the control of a band correction: as large, in the same band, but of random direction. Being
    uncorrelated with dT it removes no error; on average T_pred less the noise has twice the residual power
    in the band. A score that it improves is one that any smoothing or roughening of that size improves; how
    much it harms shows how strongly renders react to that power in that band. Inside the band its spectrum is
    flat, whatever that of dT is.

    The band is [low, high) in x Nyquist; `math.inf` includes the corners. The noise depends on the powers and the
    generator alone, and is zero in channels without power there; ValueError also if none has any.
    """
    check_planes(residual, "a residual")
    size = split_bands(residual, band)[0].square().mean((-2, -1)).sqrt()  # (3, C)
    if not size.any():
        raise ValueError(f"expected a residual with power in [{band[0]}, {band[1]}) x Nyquist, found none")
    return band_noise(residual, band, size, generator)[0]


def random_part(
    residual: Float[Tensor, "3 c r r"], share: Float[Tensor, "3 c"], generator: torch.Generator
) -> Float[Tensor, "3 c r r"]:
    """A part of a residual in modes drawn at random, by which a correction removes a given power (method E8).

    It is the control of a band correction that removes as much: what subtracting it improves comes of the power and
    not of the band. Modes are drawn for each channel until their power is reached, a mode and its mirror image
    together; of the last one drawn so much is taken that exactly the share is gone: less the part, dT has 1 - share
    of the power of every channel. ValueError also if a share lies outside [0, 1].
    """
    check_planes(residual, "a residual")
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError(f"expected shares between 0 and 1, found {float(share.min()):g} to {float(share.max()):g}")
    spectrum = torch.fft.fft2(residual)
    drawn = torch.rand(residual.shape, generator=generator, device=generator.device).to(residual.device)
    order = (drawn + _mirrored(drawn)).flatten(-2).argsort(-1)
    power = spectrum.abs().square().double().flatten(-2)
    in_order = power.gather(-1, order)
    before = in_order.cumsum(-1) - in_order
    wanted = share.to(power)[..., None] * power.sum(-1, keepdim=True)
    gone = ((wanted - before) / in_order).nan_to_num(0).clamp(0, 1)
    gone = torch.empty_like(power).scatter_(-1, order, gone).view(residual.shape)
    left = (1 - (gone + _mirrored(gone)) / 2).sqrt()
    return torch.fft.ifft2(spectrum * (1 - left)).real.to(residual)


def _mirrored(modes: Float[Tensor, "*lead r r"]) -> Float[Tensor, "*lead r r"]:
    """The value of mode -k at mode k."""
    return modes.flip((-2, -1)).roll((1, 1), (-2, -1))


def count_numbers(residual: Float[Tensor, "3 c r r"], band: tuple[float, float]) -> int:
    """How many real numbers the part of a residual in a band [low, high) has: 3C for each DFT index in it.

    The modes of a real plane come in conjugate pairs, so n indices carry n real numbers.
    """
    check_planes(residual, "a residual")
    planes, channels, size, _ = residual.shape
    return planes * channels * int(band_masks(size, band).sum())


@dataclass(frozen=True)
class Moments:
    """Means and (co)variances of predicted and reference values over the texels of each channel, all (3, C)."""

    count: Float[Tensor, "3 1"]  # texels of each plane
    # mean_pred, mean_ref, var_pred, var_ref and cov: float64; divided by the count
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

    ValueError if the shapes differ, are not (3, C, R, R), or a plane has no texel in the mask.
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
