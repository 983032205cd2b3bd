"""Calibrations against answers known in closed form and against brute-force least squares."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrm_core.spectral.corrections import (
    KINDS,
    Calibration,
    calibrate,
    moments,
    parameters,
    removed_share,
    squared_error,
    unrelated,
)

quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**31)
kinds = st.sampled_from(KINDS)


def planes(channels: int = 2, size: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def half(size: int = 6) -> torch.Tensor:
    """The left half of each plane, (3, size, size)."""
    return (torch.arange(size) < size // 2).expand(3, size, size)


def error(predicted: torch.Tensor, reference: torch.Tensor) -> float:
    return float((predicted - reference).square().sum())


@quick
@given(seed=seeds, scale=st.floats(0.1, 3), shift=st.floats(-2, 2))
def test_a_scaled_and_shifted_prediction_is_calibrated_without_rest(seed: int, scale: float, shift: float) -> None:
    reference, ramp = planes(seed=seed), torch.arange(1.0, 7).view(3, 2, 1, 1)
    wrong = {
        "scale": -scale * reference,
        "channel_scale": reference * ramp,
        "channel_affine": (reference + shift) * ramp,
    }
    for kind, predicted in wrong.items():
        m = moments(predicted, reference)
        found = calibrate(m, kind)
        torch.testing.assert_close(found.apply(predicted), reference, atol=1e-7, rtol=1e-7)
        if removed_share(m, found) is not None and error(predicted, reference) > 1e-6:
            assert removed_share(m, found) == pytest.approx(1, abs=1e-6)


def _ref_calibrated(predicted: torch.Tensor, reference: torch.Tensor, kind: str) -> torch.Tensor:
    """Least squares by torch.linalg.lstsq, channel by channel."""
    if kind == "scale":
        solution = torch.linalg.lstsq(predicted.reshape(-1, 1), reference.reshape(-1, 1)).solution
        return predicted * solution
    out = torch.empty_like(predicted)
    for plane in range(3):
        for channel in range(predicted.shape[1]):
            columns = [predicted[plane, channel].flatten()]
            if kind == "channel_affine":
                columns.append(torch.ones_like(columns[0]))
            design = torch.stack(columns, dim=1)
            solution = torch.linalg.lstsq(design, reference[plane, channel].reshape(-1, 1)).solution
            out[plane, channel] = (design @ solution).view(predicted.shape[-2:])
    return out


@quick
@given(seed=seeds, kind=kinds)
def test_least_squares_by_brute_force(seed: int, kind: str) -> None:
    predicted, reference = planes(seed=seed) + 0.5, planes(seed=seed + 1) + 0.2 * planes(seed=seed)
    expected, m = _ref_calibrated(predicted, reference, kind), moments(predicted, reference)
    found = calibrate(m, kind)
    torch.testing.assert_close(found.apply(predicted), expected)
    assert squared_error(m, found) == pytest.approx(error(expected, reference))
    assert removed_share(m, found) == pytest.approx(1 - error(expected, reference) / error(predicted, reference))


@quick
@given(seed=seeds)
def test_more_freedom_removes_more_and_never_harms(seed: int) -> None:
    predicted, reference = planes(seed=seed), planes(seed=seed + 1) + planes(seed=seed)
    m = moments(predicted, reference, half())
    shares = [removed_share(m, calibrate(m, kind)) for kind in KINDS]
    assert shares[0] > -1e-12
    assert shares == sorted(shares)
    assert shares[-1] <= 1


@quick
@given(seed=seeds, kind=kinds)
def test_in_a_mask_nothing_else_counts(seed: int, kind: str) -> None:
    predicted, reference = planes(seed=seed), planes(seed=seed + 1)
    spoilt = predicted + 100 * ~half()[:, None]
    inside = moments(predicted, reference, half())
    assert torch.equal(calibrate(moments(spoilt, reference, half()), kind).scale, calibrate(inside, kind).scale)
    cut = moments(predicted[..., :3].contiguous(), reference[..., :3].contiguous())
    torch.testing.assert_close(inside.cov, cut.cov)
    assert inside.count.flatten().tolist() == [18] * 3


def test_a_noisy_prediction_is_shrunk_although_its_scale_is_right() -> None:
    """Prediction = reference + noise: the best scale is r / (r + e), which removes e / (r + e) of the error."""
    reference, noise = planes(8, 128), planes(8, 128, seed=1) / 2
    m = moments(reference + noise, reference)
    found, null = calibrate(m, "scale"), unrelated(m)
    assert float(found.scale[0, 0]) == pytest.approx(1 / 1.25, abs=0.01)
    assert removed_share(m, found) == pytest.approx(0.25 / 1.25, abs=0.01)
    for kind in KINDS:
        expected = removed_share(null, calibrate(null, kind))
        assert removed_share(m, calibrate(m, kind)) == pytest.approx(expected, abs=0.01)


def test_an_error_of_the_reference_gives_no_reason_to_scale() -> None:
    predicted = planes(8, 64)
    m = moments(predicted, predicted + planes(8, 64, seed=1))
    assert removed_share(m, calibrate(m, "channel_affine")) == pytest.approx(0, abs=0.002)
    assert removed_share(unrelated(m), calibrate(unrelated(m), "scale")) == pytest.approx(1 / 3, abs=0.02)


def test_channels_that_say_nothing_are_left_alone() -> None:
    reference = planes() + 3
    zero = moments(torch.zeros_like(reference), reference)
    for kind in ("scale", "channel_scale"):
        assert (calibrate(zero, kind).scale == 1).all()
    affine = calibrate(moments(torch.full_like(reference, 2.0), reference), "channel_affine")
    assert (affine.scale == 1).all()
    torch.testing.assert_close(affine.offset, reference.mean((-2, -1)) - 2)
    same = moments(reference, reference)
    assert removed_share(same, calibrate(same, "scale")) is None


def test_the_calibration_of_single_precision_planes_is_of_single_precision() -> None:
    scaled = Calibration(torch.full((3, 2), 2.0, dtype=torch.float64), torch.ones(3, 2, dtype=torch.float64))
    found = scaled.apply(torch.ones(3, 2, 4, 4))
    assert found.dtype == torch.float32
    assert found.unique().tolist() == [3.0]
    assert [parameters(kind, 32) for kind in KINDS] == [1, 96, 192]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape \(3, C, R, R\), found \(3, 2, 6, 6\) and \(3, 2, 5, 5\)"):
        moments(planes(), planes(size=5))
    with pytest.raises(ValueError, match="one shape"):
        moments(planes()[0], planes()[0])
    for mask in (half(4), half() & (torch.arange(3) > 0)[:, None, None]):
        with pytest.raises(ValueError, match=r"a mask \(3, R, R\) with texels of each plane"):
            moments(planes(), planes(), mask)
    with pytest.raises(ValueError, match="unknown calibration 'gamma'; expected one of scale, channel_scale"):
        calibrate(moments(planes(), planes()), "gamma")
