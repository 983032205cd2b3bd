import math

import pytest
import torch
from torch.nn.functional import interpolate

from lrm_core.measure.e00_model import ModelQuality, nearest_training_seed, run, training_sources, view_angles
from lrm_core.objects.dataset import sample_poses
from lrm_core.render.quality import psnr

FEW = ModelQuality(training_objects=5, search_size=8)


def test_scores_are_those_of_the_images(model, make_object):
    item = make_object(0)
    result = run(model, item, FEW, seed=0)
    white = psnr(torch.ones_like(item.images), item.images)
    assert result["white"]["source"]["psnr"] == pytest.approx(white[0].item())
    assert result["white"]["novel_views"] == pytest.approx(white[1:].tolist())
    assert result["white"]["novel"]["iou"] is None
    assert 0 <= result["model"]["novel"]["iou"] <= 1
    best = max(result[name]["novel"]["psnr"] for name in ("white", "mean_training"))
    assert result["gain"] == pytest.approx(result["model"]["novel"]["psnr"] - best)
    assert len(result["angles"]) == len(item.images) - 1


@pytest.mark.parametrize("side", [32, 64, 84], ids=["as searched", "twice", "no multiple"])
def test_the_nearest_training_object_to_one_of_them_is_itself(side):
    sources = interpolate(training_sources(32, 5), side)
    assert [nearest_training_seed(source, ModelQuality(training_objects=5)) for source in sources] == list(range(5))


def test_angles_between_cameras():
    poses = sample_poses(torch.Generator().manual_seed(0), 6)
    angles = view_angles(poses)
    assert angles[0] == pytest.approx(0, abs=0.1)
    a, b = (poses[k, :, 3] / poses[k, :, 3].norm() for k in (0, 3))
    assert angles[3].item() == pytest.approx(math.degrees(math.acos(float(a @ b))), abs=0.1)
