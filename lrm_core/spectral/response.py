"""The response H(f) of a renderer: how much its images change when noise of one band is added to the planes.

Three things besides the renderer bend an H, and stand beside it here: bands of different numbers of bins
(audit A5), noise that a mask spreads into other bands, and the bilinear lookup of the planes itself. Edges are B + 1
increasing radii in x Nyquist; bin i is [edges[i], edges[i + 1]). A mask names the texels (3, R, R) that noise is
confined to; None leaves it everywhere. ValueError if a shape does not fit, if a plane has no texel in the mask, or if
a band holds no mode.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import isfinite, pi

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrm_core.spectral.bands import occupied_masks, split_bands

Render = Callable[[Float[Tensor, "3 c r r"]], Float[Tensor, "*images"]]
RESPONSE_BANDS = (0.0, 0.3, 0.6, 1.0)


def response(
    planes: Float[Tensor, "3 c r r"],
    render: Render,
    edges: Sequence[float],
    std: float | Float[Tensor, "3 c"],
    draws: int,
    generator: torch.Generator,
    mask: Bool[Tensor, "3 r r"] | None = None,
) -> Float[Tensor, "draws bins"]:
    """Mean absolute change of the images over the standard deviation of the noise (method E6, claim C3).

    H = mean |render(planes + noise) - render(planes)| / std, the mean over everything that `render` returns.
    As published with std = 0.5 and without a mask. A linear renderer has the same H at every std.

    Edges, std, generator and mask are those of `band_noise`; of one std per channel the root mean square divides. At
    least one draw. The result (draws, B) is in units of the images per unit of the planes.
    """
    if draws < 1:
        raise ValueError(f"expected at least 1 draw of the noise, found {draws}")
    check_planes(planes)
    before, rows = render(planes), []
    for _ in range(draws):
        noises = band_noise(planes, edges, std, generator, mask)
        rows.append(torch.stack([(render(planes + noise) - before).abs().mean() for noise in noises]))
    return torch.stack(rows) / _per_channel(std, planes).square().mean().sqrt()


def band_noise(
    like: Float[Tensor, "3 c r r"],
    edges: Sequence[float],
    std: float | Float[Tensor, "3 c"],
    generator: torch.Generator,
    mask: Bool[Tensor, "3 r r"] | None = None,
) -> Float[Tensor, "bins 3 c r r"]:
    """Gaussian noise in each band, rescaled in every channel to exactly the requested standard deviation.

    One white field is drawn, split into the bands, then set to zero outside the mask, then rescaled. The standard
    deviation is about 0, the mean of the process: the root mean square over the R^2 texels of a channel or, with a
    mask, over the texels of the mask on its plane. So a ray meets noise of the same size with and without a mask,
    while the power of the whole plane falls with the share of texels in the mask. In a band that holds DC, the mean
    of the channel is part of the noise and counts in its standard deviation.

    The std is in units of the planes: one number, or one per channel (3, C), where 0 leaves a channel without noise;
    ValueError also if one is negative, not finite, or 0 throughout. The noise depends on nothing else but `like`'s
    shape, edges, std, mask and generator; a mask moves the share `mask_leakage` of it out of its band.
    """
    check_planes(like)
    wanted = _per_channel(std, like)[..., None, None]
    occupied_masks(like.shape[-1], edges)
    white = torch.randn(like.shape, generator=generator, device=generator.device).to(like)
    noise = split_bands(white, edges)
    if mask is None:
        return noise * (wanted / noise.square().mean((-2, -1), keepdim=True).sqrt())
    _check_mask(mask, like.shape[-1])
    inside = mask[:, None].to(like)
    noise, texels = noise * inside, inside.sum((-2, -1), keepdim=True)  # (B, 3, C, R, R), (3, 1, 1, 1)
    return noise * (wanted / (noise.square().sum((-2, -1), keepdim=True) / texels).sqrt())


def mask_leakage(mask: Bool[Tensor, "3 r r"], edges: Sequence[float]) -> Float[Tensor, "bins"]:
    """Share of the power of masked noise that lies outside its band, expected over draws.

    Multiplying by a mask convolves spectra: of noise that is flat in the band, a mode k receives the sum over
    the band's modes q of |DFT(mask)(k - q)|^2. The planes count as their texels in the mask. A mask of all
    texels leaks nothing; one of a single texel makes the noise white. Returns (B,), float64.
    """
    _check_mask(mask, mask.shape[-1])
    bands = occupied_masks(mask.shape[-1], edges, mask.device).double()  # (B, R, R)
    spread = torch.fft.fft2(mask.double()).abs().square().sum(0)  # (R, R)
    received = torch.fft.ifft2(torch.fft.fft2(bands) * torch.fft.fft2(spread)).real
    kept = (received * bands).sum((-2, -1)) / (bands.sum((-2, -1)) * spread.sum())
    return (1 - kept).clamp(min=0)


def lookup_response(size: int, edges: Sequence[float]) -> Float[Tensor, "bins"]:
    """What bilinear lookup alone leaves of unit noise in each band: the H of a renderer that adds nothing.

    Between two texels a wave of phase step t keeps |1 - s + s exp(it)|^2 of its power, where s in [0, 1] is
    the place; that is (2 + cos t) / 3 on average. Root mean square over the points of a plane and the modes
    of a band; lookups that reach beyond the plane are left out. Returns (B,), float64, of a plane of R = `size`
    texels a side: 1 at frequency 0, 1/3 at the corner of the spectrum.
    """
    kept = (2 + (2 * pi * torch.fft.fftfreq(size, dtype=torch.float64)).cos()) / 3
    bands = occupied_masks(size, edges)
    return torch.stack([(kept[:, None] * kept)[band].mean().sqrt() for band in bands])


def response_shares(
    h: Float[Tensor, "*lead bins"],
    edges: Sequence[float],
    bands: Sequence[float] = RESPONSE_BANDS,
    per_bin: bool = False,
) -> Float[Tensor, "*lead bands"]:
    """Share of each band in a response.

    Args:
        bands: radii in x Nyquist, each of them an edge; published 0, 0.3, 0.6, 1.
        per_bin: False sums the bins of a band and divides by the sum of all bins, as published: a level H
            scores 0.3, 0.3, 0.4 in bands of 3, 3 and 4 bins (audit A5). True takes the mean of the bins of
            a band and divides by the sum of these means: a level H scores 1/3 in each.
    """
    _check_response(h, edges)
    index = {round(edge, 9): position for position, edge in enumerate(edges)}
    ends = [index.get(round(band, 9), -1) for band in bands]
    if min(ends) < 0 or not all(low < high for low, high in pairwise(ends)):
        raise ValueError(f"expected bands that begin and end at the edges {list(edges)}, found {list(bands)}")
    parts = [h[..., low:high] for low, high in pairwise(ends)]
    sizes = torch.stack([part.mean(-1) if per_bin else part.sum(-1) for part in parts], dim=-1)
    return sizes / (sizes if per_bin else h).sum(-1, keepdim=True)


def response_slope(h: Float[Tensor, "*lead bins"], edges: Sequence[float]) -> Float[Tensor, "*lead"]:
    """Slope of ln H over linear f: the least-squares line through the bins at their centres.

    Over linear and not over log f, since the bins are equally spaced in f: over log f the first two would
    decide. Below 0 for a low-pass; its exponential is the factor per Nyquist. Responses are above 0, of at least two
    bins, all finite; the slope is float64, in 1 / Nyquist.
    """
    _check_response(h, edges)
    if h.shape[-1] < 2 or not all(map(isfinite, edges)):
        raise ValueError(f"expected at least two bins with finite edges, found the edges {list(edges)}")
    if not (h > 0).all():
        raise ValueError(f"expected responses above 0, whose logarithm exists, found {float(h.min()):g}")
    ends = torch.tensor(edges, dtype=torch.float64, device=h.device)
    centred = (ends[1:] + ends[:-1]) / 2
    centred -= centred.mean()
    return (h.double().log() * centred).sum(-1) / centred.square().sum()


def _per_channel(std: float | Tensor, planes: Tensor) -> Float[Tensor, "3 c"]:
    values = torch.as_tensor(std, dtype=planes.dtype, device=planes.device)
    if values.dim() and values.shape != planes.shape[:2]:
        expected, found = tuple(planes.shape[:2]), tuple(values.shape)
        raise ValueError(f"expected a noise std that is a number or of shape {expected}, found {found}")
    if not (values.isfinite() & (values >= 0)).all() or not values.any():
        found = f"{float(values.min()):g} to {float(values.max()):g}"
        raise ValueError(f"expected finite noise stds >= 0, not all of them 0, found {found}")
    return values.expand(planes.shape[:2])


def check_planes(planes: Tensor, what: str = "planes") -> None:
    """Raise ValueError, naming `what` they are, unless they are (3, C, R, R)."""
    if planes.dim() != 4 or planes.shape[-2] != planes.shape[-1] or len(planes) != 3:
        raise ValueError(f"expected {what} of shape (3, C, R, R), found {tuple(planes.shape)}")


def _check_mask(mask: Tensor, size: int) -> None:
    if mask.shape != (3, size, size) or mask.dtype != torch.bool:
        found = f"{mask.dtype} {tuple(mask.shape)}"
        raise ValueError(f"expected a boolean mask of shape {(3, size, size)}, found {found}")
    if not mask.any(-1).any(-1).all():
        counts = mask.sum((-2, -1)).tolist()
        raise ValueError(f"expected a texel of each plane in the mask, found {counts} texels")


def _check_response(h: Tensor, edges: Sequence[float]) -> None:
    if h.shape[-1:] != (len(edges) - 1,):
        raise ValueError(f"expected a response for each of {len(edges) - 1} bins, found {tuple(h.shape)}")
