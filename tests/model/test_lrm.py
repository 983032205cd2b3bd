"""The model as a caller sees it: cached features, autocast, gradients, strict loading, bad input."""

import subprocess
import sys
from dataclasses import replace

import pytest
import tiny_model
import torch
from torch import Tensor

from lrm_core.model.config import LRMConfig
from lrm_core.model.lrm import LRM, Decoder, activate

VIT = replace(tiny_model.TINY.vit, patch_size=4)
TINY = replace(tiny_model.TINY, transformer_layers=2, vit=VIT, source_size=16)
CAMERA = torch.tensor([[1, 0, 0, 0, 0, 0, -1, -2, 0, 1, 0, 0, 0.75, 0.75, 0.5, 0.5]])


@pytest.fixture
def model() -> LRM:
    torch.manual_seed(0)
    return LRM(TINY)


def _images(count: int, side: int = 16) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def test_planes_from_cached_features(model: LRM) -> None:
    images, cameras = _images(2), CAMERA.expand(2, -1)
    planes = model.predict_planes(images, cameras)
    assert planes.shape == (2, 3, 4, 8, 8)
    assert torch.equal(model.planes_from_features(model.encode_image(images), cameras), planes)
    assert torch.equal(model(images, cameras), planes)


def test_images_of_a_batch_do_not_mix(model: LRM) -> None:
    images, cameras = _images(3), torch.cat([CAMERA, CAMERA + 0.1, CAMERA])
    together = model.predict_planes(images, cameras)
    torch.testing.assert_close(model.predict_planes(images[1:2], cameras[1:2]), together[1:2])


def test_other_image_sizes_resize_positions(model: LRM) -> None:
    assert model.encode_image(_images(1, 24)).shape == (1, 1 + 36, 24)
    assert model.encode_image(_images(1)[..., :8, :]).shape == (1, 1 + 8, 24)


def test_camera_and_image_reach_every_plane(model: LRM) -> None:
    planes = model.predict_planes(_images(1), CAMERA)
    for other in (
        model.predict_planes(1 - _images(1), CAMERA),
        model.predict_planes(_images(1), CAMERA + 0.5),
    ):
        assert ((planes - other).abs().amax(dim=(2, 3, 4)) > 1e-6).all()


def test_autocast_gives_bfloat16_planes_near_float32(model: LRM) -> None:
    exact = model.predict_planes(_images(1), CAMERA)
    with torch.autocast("cpu", torch.bfloat16):
        planes = model.predict_planes(_images(1), CAMERA)
    assert planes.dtype == torch.bfloat16
    assert (planes - exact).norm() / exact.norm() < 0.03


def test_decoder_and_activation() -> None:
    decoder = Decoder(6).double()
    assert {name for name, _ in decoder.named_parameters()} == {
        f"net.{layer}.{kind}" for layer in (0, 2, 4, 6) for kind in ("weight", "bias")
    }
    features = torch.randn(5, 2, 18, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    hidden = features
    for layer in (0, 2, 4):
        linear = decoder.net[layer]
        hidden = (hidden @ linear.weight.T + linear.bias).clamp(min=0)
    raw = hidden @ decoder.net[6].weight.T + decoder.net[6].bias
    torch.testing.assert_close(decoder(features), raw)
    colour, density = activate(raw)
    torch.testing.assert_close(density, (1 + (raw[..., :1] - 1).exp()).log())
    torch.testing.assert_close(colour, 1.002 / (1 + (-raw[..., 1:]).exp()) - 0.001)


def test_wrong_image_is_one_clear_error(model: LRM) -> None:
    for image in (torch.rand(1, 3, 15, 16), torch.rand(1, 4, 16, 16), torch.rand(3, 16, 16)):
        with pytest.raises(ValueError, match=r"multiples of the patch size 4, found \("):
            model.predict_planes(image, CAMERA)


def test_wrong_camera_is_one_clear_error(model: LRM) -> None:
    for camera in (CAMERA.expand(2, -1), torch.rand(1, 25), CAMERA[0]):
        with pytest.raises(ValueError, match=r"expected source_camera \(1, 16\)"):
            model.predict_planes(_images(1), camera)


def test_strict_loading_lists_faults(model: LRM) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = {name: torch.zeros_like(tensor) for name, tensor in before.items()}
    state["head.weight"] = torch.zeros(3)
    state["pos_embed"] = torch.zeros(1, 2, 24)
    for name in [name for name in state if name.startswith("camera_embedder")]:
        del state[name]
    with pytest.raises(ValueError, match="do not fit this model") as caught:
        model.load_openlrm_state_dict(state)
    message = str(caught.value)
    assert "4 missing (camera_embedder.mlp.0.weight, camera_embedder.mlp.0.bias" in message
    assert "1 unexpected (head.weight)" in message
    assert "1 misshapen (pos_embed (1, 2, 24) instead of (1, 48, 24))" in message
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_package_import_leaves_torch_alone() -> None:
    code = "import sys, lrm_core; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_package_exports() -> None:
    import lrm_core

    assert lrm_core.LRM is LRM
    assert lrm_core.LRMConfig is LRMConfig
    with pytest.raises(AttributeError, match="no attribute 'LRN'"):
        _ = lrm_core.LRN
