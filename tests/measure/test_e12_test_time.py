"""E12 on a tiny model: which views are used for what, what is kept of a path, and the rule of claim C9."""

import pytest
import torch

from lrm_core.canonical import plain
from lrm_core.measure import e12_test_time as e12
from lrm_core.measure.e12_test_time import VARIANTS, LatentOptimisation, LongerFits, study_views, summary
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import predicted_planes, render_images, split_views
from lrm_core.profiles import get_profile

VIEWS = {"training_views": 3, "validation_views": 2, "heldout": 2}
STEPS = {"at_most": 4, "iterations": 4, "perceptual_iterations": 2, "lr": 0.1, "path": (0, 1, 2)}
SHORT = LatentOptimisation(**STEPS, **VIEWS, rays_per_step=128, crop=32)


def row(step: int, l1: float, lpips: float, validation: float = 0.5, train: float = 0.1) -> dict:
    """One step of a path whose PSNR and SSIM follow from L1."""
    return {
        "step": step, "l1": l1, "psnr": 30 - 100 * l1, "ssim": 1 - l1, "lpips": lpips,
        "validation_lpips": validation, "train_l1": train,
    }  # fmt: skip


def test_no_view_has_two_uses(make_object):
    item = make_object(0, views=32)
    views = study_views(item, LatentOptimisation())
    used = [*views.train.cameras, *views.validation.cameras, *views.heldout.cameras]
    assert [len(part.images) for part in (views.train, views.validation, views.heldout)] == [8, 2, 8]
    assert len(torch.stack(used).unique(dim=0)) == len(used)
    assert torch.equal(views.train.cameras[0], item.cameras()[0])
    assert torch.equal(views.heldout.cameras, item.views(split_views(item)[1]).cameras)


def test_too_few_views_are_named(make_object):
    with pytest.raises(ValueError, match=r"disc0: expected more than 2 views .* found 2 besides the held-out"):
        study_views(make_object(0, views=2), LatentOptimisation())


def test_every_variant_starts_at_the_prediction_as_scored_by_hand(model, item):
    record = plain(e12.run(model, item, SHORT, 0))
    views = study_views(item, SHORT)
    planes = predicted_planes(model, item)
    images, truth = render_images(model, planes, views.heldout.cameras, 32), views.heldout.images
    checked = render_images(model, planes, views.validation.cameras, 32)
    start = {
        "l1": (images - truth).abs().mean(),
        "psnr": (-10 * (images - truth).square().mean((1, 2, 3)).log10()).mean(),
        "lpips": e12.lpips(images, truth).mean(),
        "validation_lpips": e12.lpips(checked, views.validation.images).mean(),
    }
    assert set(record) == {"start", *VARIANTS}
    for name in VARIANTS:
        path = record[name]["path"]
        assert path["step"] == ([0, 1, 2] if name == "tokens_lpips" else [0, 1, 2, 4])
        for metric, value in start.items():
            assert path[metric][0] == pytest.approx(float(value), rel=1e-4)
            assert path[metric][-1] != path[metric][0]
    assert record["start"]["ssim"] == record["planes"]["path"]["ssim"][0]


@pytest.mark.parametrize("name", list(VARIANTS))
def test_lpips_is_in_the_loss_of_one_variant_only(model, item, monkeypatch, name):
    seen = []

    def distance(a, b):
        seen.append(tuple(a.shape))
        return (a - b).square().mean((1, 2, 3))

    monkeypatch.setattr(e12, "lpips_with_gradients", distance)
    list(e12.way(model, item, SHORT, 0, name))
    assert seen == ([(1, 3, 32, 32)] * 2 if name == "tokens_lpips" else [])


def test_the_summary_of_a_known_path():
    l1, lpips, train = (0.10, 0.08, 0.06, 0.07), (0.40, 0.30, 0.38, 0.44), (0.10, 0.07, 0.02, 0.01)
    ways = zip((0, 10, 20, 30), l1, lpips, (0.5, 0.3, 0.4, 0.6), train, strict=True)
    found = summary([row(*each) for each in ways])
    assert found["path"]["l1"] == list(l1)
    end = {"l1": -0.3, "lpips": 0.1, "psnr": 3.0, "ssim": 0.03, "train_l1": -0.9, "gap": 0.6}
    assert found["end"] == pytest.approx(end)
    stopped = {"l1": -0.2, "lpips": -0.25, "psnr": 2.0, "ssim": 0.02, "train_l1": -0.3, "gap": 0.1, "step": 10}
    assert found["stopped"] == pytest.approx(stopped)
    assert found["best"] == {"l1": 20, "psnr": 20, "ssim": 20, "lpips": 10}
    assert found["after_best"] == pytest.approx({"l1": 0.1, "psnr": 1.0, "ssim": 0.01, "lpips": 0.35})


def test_the_profile_shortens_the_fit_and_never_lengthens_it():
    smoke, mini = (get_experiment("e12_test_time").configuration(get_profile(name)) for name in ("smoke", "mini"))
    assert smoke.refinement(VARIANTS["planes"]).iterations == get_profile("smoke").iterations
    assert smoke.refinement(VARIANTS["tokens_lpips"]).iterations == 6
    assert mini.refinement(VARIANTS["planes"]).iterations == mini.iterations
    assert mini.refinement(VARIANTS["tokens_lpips"]).iterations == mini.perceptual_iterations


def test_longer_fits_go_on_from_the_same_start_and_keep_a_film(model, item, monkeypatch):
    """Their way is that of E12 as far as this goes, and the film has a picture for each of its steps."""
    short, long = LatentOptimisation(at_most=1, path=(0,)), LongerFits(at_most=1, path=(0, 1))
    found = e12.run_longer(model, item, long, 0)
    assert list(found) == list(e12.SPACES)
    assert found["planes"]["path"]["step"] == [0, 1, e12.BEYOND]
    expected = [point.measured["l1"] for point in e12.way(model, item, short, 0, "planes")]
    assert found["planes"]["path"]["l1"][:2] == pytest.approx(expected, rel=1e-4)
    assert len(found["planes"]["film"]) == 3
    assert all(picture.startswith("data:image/webp") for picture in found["planes"]["film"])
