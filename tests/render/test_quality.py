"""PSNR, and LPIPS against its own published behaviour."""

import pytest
import torch

from lrm_core.objects import load_object
from lrm_core.paths import data_dir
from lrm_core.render import quality
from lrm_core.render.quality import BEST_PSNR, lpips, lpips_with_gradients, psnr, psnr_of


def test_psnr_of_known_errors() -> None:
    target = torch.zeros(2, 3, 4, 4)
    pred = target + torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    torch.testing.assert_close(psnr(pred, target), torch.tensor([20.0, 40.0]))
    torch.testing.assert_close(psnr_of(torch.tensor(0.1)), torch.tensor(10.0))


def test_equal_images_have_the_best_psnr() -> None:
    image = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert psnr(image, image).tolist() == [BEST_PSNR] * 2


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return load_object(next((data_dir() / "mini/objects/real").glob("cc0_*"))).images[:3]


def test_every_weight_of_the_network_is_set() -> None:
    network = quality._network(torch.device("cpu"))
    from safetensors.torch import load_file

    stored = load_file(data_dir() / quality.WEIGHTS)
    named = quality._named(stored, network)
    state = network.state_dict()
    trained = {name for name in state if name.startswith(("net.", "lin")) and not name.startswith("lins")}
    assert trained == set(named)
    assert all(torch.equal(state[name], value) for name, value in named.items())


def test_linear_layers_are_those_of_the_package() -> None:
    from lpips import LPIPS

    theirs = LPIPS(net="alex", pnet_rand=True, verbose=False).state_dict()
    ours = quality._network(torch.device("cpu")).state_dict()
    for layer in range(5):
        name = f"lin{layer}.model.1.weight"
        assert torch.equal(ours[name], theirs[name])


def test_equal_images_are_at_distance_zero(images) -> None:
    assert lpips(images, images).tolist() == [0.0] * 3


def test_many_images_are_the_same_as_one_at_a_time(images) -> None:
    many = images.repeat(7, 1, 1, 1)
    target = 1 - many
    torch.testing.assert_close(lpips(many, target)[:3], lpips(images, 1 - images), rtol=1e-4, atol=1e-6)


def test_missing_weights_are_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(quality, "data_dir", lambda: tmp_path)
    quality._network.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"alex\.safetensors: no LPIPS weights"):
        lpips(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64))
    quality._network.cache_clear()


def test_as_a_loss_it_has_the_gradient_of_finite_differences(images) -> None:
    """Along the direction of the gradient; with noise, since an even background lies on the kinks of ReLU."""
    noise = torch.randn(images[:1].shape, generator=torch.Generator().manual_seed(0))
    pred, target = (images[:1] + 0.1 * noise).requires_grad_(), images[1:2]
    distance = lpips_with_gradients(pred, target)
    distance.sum().backward()
    torch.testing.assert_close(distance.detach(), lpips(pred, target))
    assert not lpips(pred, target).requires_grad
    direction, step = pred.grad / pred.grad.norm(), 0.01
    ahead, behind = (lpips(pred.detach() + sign * step * direction, target) for sign in (1, -1))
    torch.testing.assert_close((ahead - behind)[0] / (2 * step), pred.grad.norm(), rtol=0.01, atol=0)
