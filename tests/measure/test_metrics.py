"""Distances against numpy and against numbers that can be checked by hand."""

import numpy as np
import pytest
import torch

from lrm_core.measure.metrics import best_scale, channel_correlation, image_l1, mask_iou, ssim


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_l1_of_known_errors():
    target = torch.zeros(2, 3, 4, 4)
    pred = target - torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    torch.testing.assert_close(image_l1(pred, target), torch.tensor([0.1, 0.01]))


@pytest.mark.parametrize("masked", [False, True])
def test_channel_correlation_matches_numpy(masked):
    a, b = noise(3, 2, 6, 6), noise(3, 2, 6, 6, seed=1)
    mask = noise(3, 6, 6, seed=2) > 0
    found = channel_correlation(a, b, mask if masked else None)
    for plane in range(3):
        inside = mask[plane] if masked else torch.ones(6, 6, dtype=torch.bool)
        for channel in range(2):
            expected = np.corrcoef(a[plane, channel][inside], b[plane, channel][inside])[0, 1]
            assert found[plane, channel].item() == pytest.approx(expected)


def test_a_constant_channel_has_no_direction():
    assert channel_correlation(torch.ones(3, 1, 4, 4), noise(3, 1, 4, 4).float()).tolist() == [[0.0]] * 3


def test_best_scale_is_least_squares():
    a, b = noise(20), noise(20, seed=1)
    expected = np.linalg.lstsq(a[:, None].numpy(), b.numpy(), rcond=None)[0][0]
    assert best_scale(a, b) == pytest.approx(expected)
    assert best_scale(a, 3 * a) == pytest.approx(3)


def test_ssim_is_one_for_equal_images_and_follows_its_formula_for_flat_ones():
    """Flat images have no variance: what is left is the luminance term (Wang et al. 2004, eq. 6)."""
    image = noise(2, 3, 24, 24).abs().clamp(max=1).float()
    torch.testing.assert_close(ssim(image, image), torch.ones(2))
    a, b = torch.full((1, 3, 24, 24), 0.4), torch.full((1, 3, 24, 24), 0.6)
    expected = (2 * 0.4 * 0.6 + 1e-4) / (0.4**2 + 0.6**2 + 1e-4)
    torch.testing.assert_close(ssim(a, b), torch.tensor([expected]), rtol=1e-5, atol=0)


def test_iou_of_masks():
    a, b = torch.zeros(3, 1, 4, 4), torch.zeros(3, 1, 4, 4)
    a[0, :, :2], b[0, :, 1:3] = 1, 0.8
    a[1] = 0.4  # below one half is not covered
    b[2] = 1
    torch.testing.assert_close(mask_iou(a, b), torch.tensor([1 / 3, 1.0, 0.0]))
