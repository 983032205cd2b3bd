"""Encoder, transformer and whole model against tensors of the original OpenLRM 1.1 on random weights."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from lrm_core.model.config import LRMConfig
from lrm_core.model.lrm import LRM
from lrm_core.model.transformer import PlaneTransformer
from lrm_core.render import render_views

FIXTURES = Path(__file__).parents[1] / "fixtures"
PARITY = FIXTURES / "parity"
PUBLISHED = json.loads((FIXTURES / "openlrm_state_dict.json").read_text())
COUNTS = {"small": 111_390_948, "base": 260_201_972, "large": 452_138_004}


def assert_within(found: Tensor, expected: Tensor, relative: float = 1e-5) -> None:
    """Every difference is at most `relative` times the largest value expected."""
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= relative * expected.abs().max()


def parameters(vectors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("param."): value for name, value in vectors.items() if name.startswith("param.")}


@pytest.fixture(scope="module")
def tiny() -> tuple[LRM, dict[str, Tensor]]:
    vectors = load_file(PARITY / "lrm_tiny.safetensors")
    meta = json.loads((PARITY / "meta.json").read_text())["lrm_tiny"]
    model = LRM(LRMConfig.from_openlrm(meta["config"], vit=meta["vit"]))
    model.load_openlrm_state_dict(parameters(vectors))
    return model, vectors


@pytest.mark.parametrize(("name", "context_width"), [("same", 32), ("other", 24)])
@torch.no_grad()
def test_transformer(name: str, context_width: int) -> None:
    vectors = load_file(PARITY / f"transformer_{name}_width.safetensors")
    transformer = PlaneTransformer(2, 32, context_width, camera_width=40, heads=4)
    transformer.load_state_dict(parameters(vectors))
    assert_within(transformer(vectors["x"], vectors["cond"], vectors["mod"]), vectors["y"])


@pytest.mark.parametrize("suffix", ["", "_224"])
@torch.no_grad()
def test_features(tiny: tuple[LRM, dict[str, Tensor]], suffix: str) -> None:
    model, vectors = tiny
    assert_within(model.encode_image(vectors[f"image{suffix}"]), vectors[f"features{suffix}"])


@torch.no_grad()
def test_planes(tiny: tuple[LRM, dict[str, Tensor]]) -> None:
    model, vectors = tiny
    assert_within(model.predict_planes(vectors["image"], vectors["source_camera"]), vectors["planes"])


@torch.no_grad()
def test_images(tiny: tuple[LRM, dict[str, Tensor]]) -> None:
    """From image to image: what the original renders of the planes that it predicts."""
    model, vectors = tiny
    planes = model.predict_planes(vectors["image"], vectors["source_camera"])
    samples, cameras = model.config.rendering_samples_per_ray, vectors["render_cameras"]
    seen = render_views(planes, model.decoder, cameras, 16, samples_per_ray=samples)
    error = (seen.rgb - vectors["images_rgb"]).abs()
    assert (error < 1e-4).float().mean() > 0.98
    assert error.max() < 5e-3


@pytest.mark.parametrize("size", COUNTS)
def test_published_names_shapes_and_count(size: str) -> None:
    with torch.device("meta"):
        model = LRM(LRMConfig.from_openlrm(PUBLISHED[size]["config"]))
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes == PUBLISHED[size]["shapes"]
    assert sum(parameter.numel() for parameter in model.parameters()) == COUNTS[size]
