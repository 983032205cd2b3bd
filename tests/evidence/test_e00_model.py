import pytest
import torch

from lrm_core.evidence.experiments.e00_model import ModelQuality, mean_training_image, run
from lrm_core.evidence.metrics import psnr


def test_scores_are_those_of_the_images(model, make_object) -> None:
    item = make_object(0)
    config = ModelQuality(mean_of=3)
    result = run(model, item, config, seed=0)
    white = psnr(torch.ones_like(item.images), item.images)
    assert result["white"]["source_psnr"] == pytest.approx(white[0].item())
    assert result["white"]["novel_views"] == pytest.approx(white[1:].tolist())
    best = max(result[name]["novel_psnr"] for name in ("white", "mean_training"))
    assert result["gain"] == pytest.approx(result["model"]["novel_psnr"] - best)


def test_mean_image_is_brighter_at_its_border() -> None:
    """Objects stand in the middle, on white."""
    image = mean_training_image(16, 8)
    assert image.shape == (3, 16, 16)
    assert image[:, 0].mean() > 0.97
    assert image[:, 6:10, 6:10].mean() < 0.8
