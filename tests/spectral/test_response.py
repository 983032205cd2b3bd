"""H(f) against renderers whose transfer function is known, and the noise against what it promises."""

from collections.abc import Callable
from itertools import pairwise
from math import exp, hypot, inf, pi, sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.render.lookup import lookup, padded
from lrm_core.spectral import band_shares, lookup_response, response, split_bands
from lrm_core.spectral.bands import frequency_radius, pooled_shares, power_law_shares
from lrm_core.spectral.response import band_noise, mask_leakage, response_shares, response_slope

quick = settings(max_examples=25, deadline=None)
EDGES = tuple(k / 10 for k in range(11))
ABSOLUTE = sqrt(2 / pi)  # mean |x| of a Gaussian of std 1
seeds = st.integers(0, 2**31)


def at(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(channels: int = 2, size: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(3, channels, size, size, generator=at(seed), dtype=torch.float64)


def disc(size: int, radius: float) -> torch.Tensor:
    """The same disc of texels on each plane, (3, size, size)."""
    axis = torch.arange(size) - (size - 1) / 2
    return (torch.hypot(axis[:, None], axis) < radius).expand(3, size, size)


def filtering(gain: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    """The renderer that shows every texel, each frequency f (x Nyquist) multiplied by gain(f)."""

    def render(planes: torch.Tensor) -> torch.Tensor:
        transfer = gain(frequency_radius(*planes.shape[-2:])).to(planes)
        return torch.fft.ifft2(torch.fft.fft2(planes) * transfer).real

    return render


def low_pass(f: torch.Tensor) -> torch.Tensor:
    return 1 / (1 + (f / 0.4).square())


def as_it_is(planes: torch.Tensor) -> torch.Tensor:
    return planes


def test_a_low_pass_answers_with_its_gain() -> None:
    """H of Gaussian noise is sqrt(2 / pi) times the root mean square of the gain over the modes of the bin."""
    size = 32
    found = response(noise(40, size), filtering(low_pass), EDGES, 0.5, 3, at(1)).mean(0)
    radius = frequency_radius(size, size)
    for k, (low, high) in enumerate(pairwise(EDGES)):
        gain = low_pass(radius[(radius >= low) & (radius < high)]).square().mean().sqrt()
        assert float(found[k]) == pytest.approx(ABSOLUTE * float(gain), rel=0.04 if k == 0 else 0.015)


def test_an_ideal_low_pass_answers_below_its_cutoff_only() -> None:
    h = response(noise(20, 20), filtering(lambda f: f < 0.5), EDGES, 0.5, 2, at())
    assert h.shape == (2, 10)
    assert h[:, 0].tolist() == pytest.approx([1, 1])  # DC alone: a shift by the std, up or down
    assert h[:, 1:5].flatten().tolist() == pytest.approx([ABSOLUTE] * 8, rel=0.05)
    assert float(h[:, 1:5].mean()) == pytest.approx(ABSOLUTE, rel=0.02)
    assert float(h[:, 5:].max()) < 1e-12


def _ref_response(
    planes: torch.Tensor,
    matrix: torch.Tensor,
    edges: list[float],
    std: torch.Tensor,
    draws: int,
    seed: int,
    mask: torch.Tensor,
) -> list[list[float]]:
    """H of the renderer `matrix` on the texels, mode by mode, channel by channel and texel by texel."""
    _, channels, size, _ = planes.shape
    generator, rows = at(seed), []
    axis = torch.arange(size, dtype=torch.float64)
    for _ in range(draws):
        white = torch.randn(planes.shape, generator=generator).double()
        row = []
        for low, high in pairwise(edges):
            part = torch.zeros_like(planes)
            for i in range(size):
                for j in range(size):
                    radius = hypot(min(i, size - i), min(j, size - j)) * 2 / size
                    if low <= radius < high:
                        wave = torch.exp(2j * pi * (i * axis[:, None] + j * axis) / size)
                        weights = (white * wave.conj()).sum((-2, -1), keepdim=True)
                        part += (weights * wave).real / size**2
            for plane in range(3):
                for channel in range(channels):
                    values = part[plane, channel]
                    values[~mask[plane]] = 0
                    inside = values[mask[plane]]
                    values *= std[plane, channel] / (sum(float(x) ** 2 for x in inside) / len(inside)) ** 0.5
            change = matrix @ (planes + part).flatten() - matrix @ planes.flatten()
            row.append(float(change.abs().mean()) / float((std**2).mean().sqrt()))
        rows.append(row)
    return rows


@pytest.mark.parametrize("masked", [False, True])
def test_response_matches_loops(masked: bool) -> None:
    size, edges = 7, [0.0, 0.3, 0.7, 1.5]
    planes = noise(2, size)
    matrix = torch.randn(20, planes.numel(), generator=at(1), dtype=torch.float64)
    std = torch.tensor([[0.1, 2.0], [0.0, 1.0], [0.5, 0.3]], dtype=torch.float64)
    mask = noise(1, size, seed=2)[:, 0] > (0.0 if masked else -inf)
    given_mask = mask if masked else None
    found = response(planes, lambda x: matrix @ x.flatten(), edges, std, 2, at(3), given_mask)
    expected = torch.tensor(_ref_response(planes, matrix, edges, std, 2, 3, mask), dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_a_linear_renderer_answers_alike_at_every_level_and_place() -> None:
    render = filtering(low_pass)
    h = response(noise(), render, EDGES[::2], 0.5, 2, at())
    torch.testing.assert_close(response(noise(), render, EDGES[::2], 0.01, 2, at()), h)
    torch.testing.assert_close(response(100 * noise(seed=1), render, EDGES[::2], 0.5, 2, at()), h)
    torch.testing.assert_close(response(noise(), lambda x: 7 + 3 * render(x), EDGES[::2], 0.5, 2, at()), 3 * h)


def test_a_saturating_renderer_answers_less_to_more_noise() -> None:
    weak, strong = (response(0 * noise(), torch.tanh, [0, 1], std, 1, at()) for std in (0.01, 2.0))
    assert float(weak) == pytest.approx(ABSOLUTE, rel=0.1)
    assert float(strong) < 0.5 * float(weak)


def test_draws_follow_from_the_generator_and_differ() -> None:
    planes, render = noise(), filtering(low_pass)
    h = response(planes, render, [0, 0.5, 1], 0.5, 3, at(5))
    assert torch.equal(response(planes, render, [0, 0.5, 1], 0.5, 3, at(5)), h)
    assert torch.equal(response(planes, render, [0, 0.5, 1], 0.5, 1, at(5)), h[:1])
    assert len(set(h.flatten().tolist())) == 6
    generator = at(5)
    response(planes, render, [0, 0.5, 1], 0.5, 1, generator)
    assert torch.equal(response(planes, render, [0, 0.5, 1], 0.5, 1, generator), h[1:2])


@quick
@given(
    size=st.integers(3, 14),
    cut=st.floats(0.05, 0.65),  # the highest mode of 3 texels lies at 0.67
    width=st.floats(0.7, 1.5),
    seed=seeds,
    scale=st.floats(1e-3, 1e3),
)
def test_noise_has_its_std_and_its_band(size: int, cut: float, width: float, seed: int, scale: float) -> None:
    edges = [0.0, cut, cut + width]
    std = scale * torch.tensor([[0.0, 1.0], [2.0, 3.0], [0.5, 10.0]], dtype=torch.float64)
    found = band_noise(noise(2, size), edges, std, at(seed))
    assert found.shape == (2, 3, 2, size, size)
    torch.testing.assert_close(found.square().mean((-2, -1)).sqrt(), std.expand(2, 3, 2))
    for band in range(2):
        shares = band_shares(found[band], [0.0, cut, cut + width, inf])[std > 0]
        torch.testing.assert_close(shares[:, band], torch.ones(5, dtype=torch.float64))


@pytest.mark.parametrize("band", [(0.1, 0.3), (0.9, 1.0)])
def test_noise_without_dc_has_the_std_of_a_sample(band: tuple[float, float]) -> None:
    found = band_noise(noise(4, 32), band, 0.5, at())[0]
    torch.testing.assert_close(found.std((-2, -1), correction=0), torch.full((3, 4), 0.5).double())


def test_noise_of_dc_alone_is_a_shift_of_the_channels() -> None:
    found = band_noise(noise(200), (0, 0.1), 0.5, at())[0]
    torch.testing.assert_close(found.abs(), torch.full_like(found, 0.5))
    assert torch.equal(found[..., :1, :1].expand_as(found).sign(), found.sign())
    assert 0.4 < float((found > 0).double().mean()) < 0.6


def test_noise_is_gaussian_and_independent_between_bands_and_channels() -> None:
    found = band_noise(noise(100, 16), [0, 0.5, 1], 2.0, at())
    assert float((found / 2).pow(4).mean()) == pytest.approx(3, rel=0.05)
    assert torch.unique(found[:, :, :, 0, 0]).numel() == 600
    cosines = torch.corrcoef(found.flatten(0, 2).flatten(1)).fill_diagonal_(0)
    assert float(cosines.abs().mean()) < 0.1


def test_noise_takes_dtype_from_the_planes_and_nothing_else() -> None:
    found = band_noise(noise().float(), [0.2, 1], 0.5, at())
    assert found.dtype == torch.float32
    torch.testing.assert_close(band_noise(9 * noise(seed=3), [0.2, 1], 0.5, at()).float(), found)


@quick
@given(size=st.integers(3, 14), seed=seeds, share=st.floats(0.05, 1.0))
def test_masked_noise_stays_in_the_mask_at_its_std(size: int, seed: int, share: float) -> None:
    mask = torch.rand(3, size, size, generator=at(seed)) < share
    mask[:, 1, 1] = True
    std = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.1, 5.0]], dtype=torch.float64)
    found = band_noise(noise(2, size), [0.0, 0.7, 1.5], std, at(seed), mask)
    assert not found[:, ~mask[:, None].expand(3, 2, size, size)].any()
    for plane in range(3):
        inside = found[:, plane][..., mask[plane]]  # (2, C, texels)
        torch.testing.assert_close(inside.square().mean(-1).sqrt(), std[plane].expand(2, 2))


def test_a_mask_of_everything_changes_nothing() -> None:
    everything = torch.ones(3, 8, 8, dtype=torch.bool)
    torch.testing.assert_close(
        band_noise(noise(), EDGES[::2], 0.5, at(), everything), band_noise(noise(), EDGES[::2], 0.5, at())
    )
    torch.testing.assert_close(mask_leakage(everything, EDGES[::2]), torch.zeros(5, dtype=torch.float64))


def test_response_to_masked_noise_counts_the_texels_that_are_reached() -> None:
    mask = disc(16, 4.0)
    h = response(noise(40, 16), as_it_is, [0.3, 1], 0.5, 1, at(), mask)
    assert float(h) == pytest.approx(ABSOLUTE * float(mask.double().mean()), rel=0.03)


def test_a_single_texel_leaks_like_white_noise() -> None:
    mask = torch.zeros(3, 10, 10, dtype=torch.bool)
    mask[0, 2, 3] = mask[1, 7, 7] = mask[2, 0, 9] = True
    expected = 1 - power_law_shares(10, 0.0, [0, 0.3, 0.8, inf])
    torch.testing.assert_close(mask_leakage(mask, [0, 0.3, 0.8, inf]), expected)


def test_leakage_is_that_of_drawn_noise() -> None:
    mask = disc(16, 5.0).clone()
    mask[1] = noise(1, 16, seed=1)[1, 0] > 1  # another number of texels, and another shape
    edges = [0, 0.3, 0.6, 1.0]
    white = torch.randn(3, 400, 16, 16, generator=at(), dtype=torch.float64)
    expected = mask_leakage(mask, edges)
    scaled = band_noise(noise(400, 16), edges, 0.5, at(1), mask)
    for band, (low, high) in enumerate(pairwise(edges)):
        masked = split_bands(white, [low, high])[0] * mask[:, None]
        found = 1 - float(pooled_shares(masked, [low, high]))
        assert float(expected[band]) == pytest.approx(found, rel=0.02)
        assert float(expected[band]) == pytest.approx(1 - float(pooled_shares(scaled[band], [low, high])), rel=0.05)
        assert 0.1 < found < 0.95


def test_lookup_response_is_that_of_the_renderer_s_lookup() -> None:
    size, edges = 16, EDGES[::2]
    points = (2 * torch.rand(4000, 3, generator=at()) - 1) * (1 - 1 / size)  # off the ring of zeros
    planes = noise(60, size).float()
    for part, expected in zip(band_noise(planes, edges, 1.0, at(1)), lookup_response(size, edges), strict=True):
        table = padded(torch.cat([part[:1], torch.zeros_like(part[1:])]).movedim(1, -1))
        found = lookup(table, points).square().mean().sqrt()
        assert float(found) == pytest.approx(float(expected), rel=0.03)


def test_lookup_response_of_single_modes() -> None:
    found = lookup_response(4, [0, 0.3, 0.6, 1.01, 1.2, 1.5])  # of waves with steps 0, 90, 180 degrees
    one, half, third = 1.0, 2 / 3, 1 / 3  # power kept along an axis
    expected = [one, sqrt(half), sqrt((2 * third + 4 * 0) / 2), sqrt(half * third), third]
    expected[2] = sqrt((2 * third + 4 * half**2) / 6)  # steps (180, 0) twice, (90, 90) at 0.71 four times
    assert found.tolist() == pytest.approx(expected)


def test_shares_of_a_level_response() -> None:
    level = torch.ones(2, 10)
    torch.testing.assert_close(response_shares(level, EDGES), torch.tensor([[0.3, 0.3, 0.4]] * 2))
    torch.testing.assert_close(response_shares(level, EDGES, per_bin=True), torch.full((2, 3), 1 / 3))
    halves = response_shares(torch.arange(1.0, 5), [0, 0.25, 0.5, 0.75, 1], bands=(0, 0.5, 1))
    assert halves.tolist() == pytest.approx([0.3, 0.7])


def test_published_shares_give_the_ratios_of_audit_a5() -> None:
    """Bands of 3, 3 and 4 bins: 40.6 / 27.3 = 1.49 as published, 1.98 per bin."""
    shares = [0.406, 0.322, 0.273]
    h = torch.tensor([shares[0] / 3] * 3 + [shares[1] / 3] * 3 + [shares[2] / 4] * 4)
    low, _, high = response_shares(h, EDGES).tolist()
    assert low / high == pytest.approx(1.49, abs=0.005)
    low, _, high = response_shares(h, EDGES, per_bin=True).tolist()
    assert low / high == pytest.approx(1.98, abs=0.005)


@quick
@given(slope=st.floats(-5, 5), scale=st.floats(1e-3, 1e3))
def test_slope_of_an_exponential_is_its_rate(slope: float, scale: float) -> None:
    edges = [0.0, 0.1, 0.3, 0.4, 0.9, 1.0]
    centres = [0.05, 0.2, 0.35, 0.65, 0.95]
    h = torch.tensor([[scale * exp(slope * f) for f in centres], [1.0] * 5], dtype=torch.float64)
    assert response_slope(h, edges).tolist() == pytest.approx([slope, 0], abs=1e-9)


def test_slope_is_the_least_squares_line() -> None:
    h = torch.rand(10, generator=at()) + 0.1
    f = torch.linspace(0.05, 0.95, 10)
    design = torch.stack([torch.ones(10), f], dim=1)
    expected = torch.linalg.lstsq(design, h.log()[:, None]).solution[1, 0]
    assert float(response_slope(h, EDGES)) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("shape", [(2, 4, 8, 8), (3, 8, 8), (3, 4, 8, 6)])
def test_bad_planes(shape: tuple[int, ...]) -> None:
    for call in (
        lambda x: response(x, as_it_is, [0, 1], 0.5, 1, at()),
        lambda x: band_noise(x, [0, 1], 0.5, at()),
    ):
        with pytest.raises(ValueError, match=r"planes of shape \(3, C, R, R\), found \([\d, ]+\)"):
            call(torch.zeros(shape))


@pytest.mark.parametrize("std", [0.0, -0.5, float("nan"), inf, torch.zeros(3, 2), -torch.eye(3)[:, :2]])
def test_bad_std(std: float | torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"finite noise stds >= 0, not all of them 0, found .* to "):
        band_noise(noise(), [0, 1], std, at())


def test_bad_draws_stds_masks_and_bands() -> None:
    with pytest.raises(ValueError, match="at least 1 draw of the noise, found 0"):
        response(noise(), as_it_is, [0, 1], 0.5, 0, at())
    with pytest.raises(ValueError, match=r"a number or of shape \(3, 2\), found \(2,\)"):
        band_noise(noise(), [0, 1], torch.ones(2), at())
    with pytest.raises(ValueError, match="increasing radii"):
        band_noise(noise(), [1, 0.5], 0.5, at())
    masks = {
        r"boolean mask of shape \(3, 8, 8\), found torch.bool \(3, 8, 9\)": torch.ones(3, 8, 9).bool(),
        r"boolean mask of shape \(3, 8, 8\), found torch.float32 \(3, 8, 8\)": torch.ones(3, 8, 8),
        r"a texel of each plane in the mask, found \[64, 0, 64\]": torch.ones(3, 8, 8).bool()
        * torch.tensor([True, False, True])[:, None, None],
    }
    for message, mask in masks.items():
        with pytest.raises(ValueError, match=message):
            band_noise(noise(), [0, 1], 0.5, at(), mask)
        if "8, 9" not in message:
            with pytest.raises(ValueError, match=message):
                mask_leakage(mask, [0, 1])
    empty = r"without a mode of a 8 x 8 plane between the edges \[0\.01, 0\.02, 1\]"
    for call in (
        lambda: band_noise(noise(), [0.01, 0.02, 1], 0.5, at()),
        lambda: mask_leakage(disc(8, 2.0), [0.01, 0.02, 1]),
        lambda: lookup_response(8, [0.01, 0.02, 1]),
    ):
        with pytest.raises(ValueError, match=empty):
            call()


def test_bad_responses() -> None:
    for call in (response_shares, response_slope):
        with pytest.raises(ValueError, match=r"each of 10 bins, found \(2, 9\)"):
            call(torch.ones(2, 9), EDGES)
    for bands in ((0, 0.35, 1), (0, 0.6, 0.3), (0, 0.3, 0.3)):
        with pytest.raises(ValueError, match=r"begin and end at the edges .* found \[0, 0\.\d+"):
            response_shares(torch.ones(10), EDGES, bands)
    with pytest.raises(ValueError, match="responses above 0, whose logarithm exists, found 0"):
        response_slope(torch.tensor([1.0, 0.0]), [0, 0.5, 1])
    for h, edges in ((torch.ones(1), [0, 1]), (torch.ones(2), [0, 1, inf])):
        with pytest.raises(ValueError, match=r"at least two bins with finite edges, found the edges \[0, 1"):
            response_slope(h, edges)
