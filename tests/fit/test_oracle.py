import copy
import math

import pytest
import torch

from lrm_core.fit import fit_oracle
from lrm_core.fit.oracle import DAMPED_EPS, FAST_LR, PUBLISHED_LR
from lrm_core.model.lrm import Decoder
from lrm_core.render import Views, render_views
from lrm_core.render.cameras import look_at, standard_camera

SIZE = 16


@pytest.fixture(scope="module")
def scene():
    """A random smooth field: its planes (3, 6, 8, 8), decoder, and 10 views of it."""
    torch.manual_seed(0)
    decoder = Decoder(6)
    torch.nn.init.normal_(decoder.net[6].weight, std=0.6)
    torch.nn.init.constant_(decoder.net[6].bias, 1.0)
    coarse = torch.randn(3, 6, 4, 4)
    planes = 3 * torch.nn.functional.interpolate(coarse, size=8, mode="bilinear")
    positions = torch.randn(10, 3)
    poses = look_at(2.2 * torch.nn.functional.normalize(positions, dim=-1))
    cameras = standard_camera(poses, torch.tensor([[[0.75, 0.75], [0.5, 0.5], [1.0, 1.0]]]))
    with torch.no_grad():
        images = render_views(planes[None], decoder, cameras[None], SIZE, samples_per_ray=16).rgb[0]
    return planes, decoder, Views(images, cameras)


def fit(scene, **options):
    planes, decoder, views = scene
    start = options.pop("start", torch.zeros_like(planes))
    defaults = {"iterations": 60, "lr": 0.1, "rays_per_step": 256, "samples_per_ray": 16, "progress": False}
    train, heldout = Views(*(p[:8] for p in views)), Views(*(p[8:] for p in views))
    return fit_oracle(start, decoder, train, heldout=heldout, **(defaults | options))


@pytest.mark.parametrize(
    ("form", "gain"), [({}, 3), ({"rays_per_step": None, "views_per_step": 4, "iterations": 40}, 1)]
)
def test_the_fit_approaches_the_views(scene, form, gain):
    result = fit(scene, **form)
    assert result.planes.shape == scene[0].shape
    assert not result.planes.requires_grad
    assert result.history["step"][-1] == form.get("iterations", 60)
    assert result.history["heldout_psnr"][-1] > result.history["heldout_psnr"][0] + gain
    assert result.history["loss"][-1] < result.history["loss"][0]


def test_the_seed_decides_the_planes_and_the_decoder_and_the_start_are_left_alone(scene):
    planes, decoder, _ = scene
    before, start = copy.deepcopy(decoder.state_dict()), planes.clone()
    first, again, other = (fit(scene, iterations=4, seed=seed, start=start).planes for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert all(torch.equal(before[name], value) for name, value in decoder.state_dict().items())
    assert torch.equal(start, planes)
    assert all(p.grad is None for p in decoder.parameters())


@pytest.mark.parametrize("explored", [1 / 16, 0.0])
def test_density_grows_in_empty_space_because_it_is_explored(scene, monkeypatch, explored):
    planes, decoder, views = scene
    hollow = copy.deepcopy(decoder)
    with torch.no_grad():
        hollow.net[6].bias[0] -= 10.0
    start = torch.zeros_like(planes)

    def heaviest(planes):
        return render_views(planes[None], hollow, views.cameras[None], SIZE, samples_per_ray=16).weight.max()

    monkeypatch.setattr("lrm_core.fit.oracle.EXPLORED", explored)
    assert heaviest(start) < 1e-3
    result = fit_oracle(
        start, hollow, views, iterations=150, lr=0.3, rays_per_step=256, samples_per_ray=16, progress=False
    )
    assert (heaviest(result.planes) > 0.1) == (explored > 0)


@pytest.mark.parametrize("given", [{}, {"lr": FAST_LR}])
def test_the_first_step_of_adam_is_as_long_as_the_learning_rate(scene, given):
    planes, decoder, views = scene
    moved = fit_oracle(
        planes, decoder, Views(1 - views.images, views.cameras), iterations=1, progress=False, **given
    ).planes
    assert (moved - planes).abs().max().item() == pytest.approx(given.get("lr", PUBLISHED_LR), rel=1e-3)


def test_epsilon_shortens_the_step_by_the_size_of_the_gradient(scene):
    """The first step of Adam is lr g / (|g| + eps), so any two epsilons tell the same gradient g."""
    planes, decoder, views = scene
    told, wrong = [], Views(1 - views.images, views.cameras)
    for eps in (DAMPED_EPS, 30 * DAMPED_EPS):
        moved = fit_oracle(planes, decoder, wrong, iterations=1, lr=1.0, eps=eps, progress=False).planes
        share = (planes - moved).double()
        told.append(eps * share / (1 - share.abs()))
    size = told[0].abs().max()
    assert size > 0
    torch.testing.assert_close(*told, rtol=2e-2, atol=1e-3 * size.item())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"views_per_step": 2}, "rays_per_step or views_per_step, not both"),
        ({"start": torch.full((3, 6, 8, 8), torch.nan)}, "values are NaN or infinite"),
        ({"start": torch.zeros(2, 3, 6, 8, 8)}, "expected one triplane, found 2"),
        ({"start": torch.zeros(3, 8, 8)}, r"expected shape \(3, C, R, R\), found \(3, 8, 8\)"),
        ({"images": lambda of: of[..., :12]}, r"square images \(V, 3, H, H\) .* found \(8, 3, 16, 12\)"),
        (
            {"cameras": lambda of: torch.where(torch.arange(25) == 3, math.nan, of)},
            r"cameras of \[0, .* hold NaN",
        ),
    ],
)
def test_wrong_input_is_named(scene, change, message):
    planes, decoder, views = scene
    edited = {part: change.pop(part)(getattr(views, part)[:8]) for part in ("images", "cameras") if part in change}
    views = Views(*(part[:8] for part in views))._replace(**edited)
    with pytest.raises(ValueError, match=message):
        fit_oracle(change.pop("start", planes), decoder, views, rays_per_step=256, progress=False, **change)
