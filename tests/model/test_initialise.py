"""Starting parameters: shared coordinates, aligned attention, a field neither empty nor opaque."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lrm_core.model.config import MINI
from lrm_core.model.initialise import initialise, patch_coordinates, plane_coordinates
from lrm_core.model.lrm import LRM, activate
from lrm_core.model.transformer import split_heads

CAMERA = torch.tensor([[1, 0, 0, 0, 0, 0, -1, -2, 0, 1, 0, 0, 0.75, 0.75, 0.5, 0.5]])


@pytest.fixture(scope="module")
def mini() -> LRM:
    return initialise(LRM(MINI), torch.Generator().manual_seed(0))


def _project(point: list[float]) -> list[float]:
    """(u, v) of a world point through the canonical pose of the specification, v downwards."""
    rotation = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    x, y, z = (rotation.T @ (torch.tensor(point) - torch.tensor([0.0, -2, 0]))).tolist()  # looks along -z
    return [0.75 * x / -z, -0.75 * y / -z]


@settings(max_examples=20, deadline=None)
@given(plane=st.integers(0, 2), row=st.integers(0, 7), column=st.integers(0, 7))
def test_plane_tokens_project_through_canonical_camera(plane: int, row: int, column: int) -> None:
    first, second = (2 * column + 1) / 8 - 1, (2 * row + 1) / 8 - 1
    point = [[first, second, 0.0], [first, 0.0, second], [0.0, second, first]][plane]
    found = plane_coordinates(8)[plane, row * 8 + column]
    torch.testing.assert_close(found, torch.tensor([*_project(point), point[1]]), atol=1e-6, rtol=1e-6)


def test_patches_run_from_the_top_left() -> None:
    grid = patch_coordinates(4).view(4, 4, 3)
    torch.testing.assert_close(grid[0, 3], torch.tensor([0.375, -0.375, 0.0]))
    torch.testing.assert_close(grid[3, 0], torch.tensor([-0.375, 0.375, 0.0]))


def test_seed_decides_every_parameter() -> None:
    torch.manual_seed(1)
    one = initialise(LRM(MINI), torch.Generator().manual_seed(3)).state_dict()
    torch.manual_seed(2)
    two = initialise(LRM(MINI), torch.Generator().manual_seed(3)).state_dict()
    other = initialise(LRM(MINI), torch.Generator().manual_seed(4)).state_dict()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []
    assert not torch.equal(one["pos_embed"], other["pos_embed"])


@torch.no_grad()
def test_first_attention_lies_where_the_token_projects(mini: LRM) -> None:
    """Of the attention of the first layer, a large part falls within 1.5 patches of the projection."""
    layer = mini.transformer.layers[0]
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))  # a colour for each patch
    features = mini.encode_image(picture.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3))
    tokens = layer.norm1(mini.pos_embed, mini.camera_embedder["mlp"](CAMERA))
    query, key, _ = layer.cross_attn.projections()
    heads = MINI.transformer_heads
    query, key = split_heads(tokens @ query.T, heads), split_heads(features @ key.T, heads)
    scores = query @ key.transpose(-1, -2) / math.sqrt(MINI.transformer_dim / heads)
    weight = scores.softmax(-1)[0, :, :, 1:].mean(0)  # no class token
    places, patches = plane_coordinates(16).flatten(0, 1), patch_coordinates(16)
    near = ((places[:, None, :2] - patches[None, :, :2]).abs() < 1.5 / 16).all(-1)
    seen = (places[:, :2].abs() < 0.4).all(-1)
    assert near[seen].float().mean() < 0.05
    assert (weight * near).sum(-1)[seen].mean() > 0.35


@torch.no_grad()
def test_planes_start_with_the_colour_of_the_patch(mini: LRM) -> None:
    """Where plane 1 projects onto a red square its first channels tell red from green and blue."""
    image = torch.ones(1, 3, 128, 128)
    image[:, 1:, 48:80, 48:80] = 0
    change = mini.predict_planes(image, CAMERA) - mini.predict_planes(torch.ones_like(image), CAMERA)
    red, green, blue = change[0, 1, :3, 14:18, 14:18].mean((1, 2))
    assert red - green > 0.5
    assert red - blue > 0.5
    assert change[0, 1, :3, 14:18, 14:18].abs().mean() > 3 * change[0, 1, :3, :4, :4].abs().mean()


@torch.no_grad()
def test_field_starts_as_a_faint_grey_haze(mini: LRM) -> None:
    image = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    planes = mini.predict_planes(image, CAMERA)
    assert 0.2 < planes.std() < 2.0
    features = planes[0].permute(2, 3, 0, 1).flatten(2)  # (R, R, 3C): the three planes at the same cell
    colour, density = activate(mini.decoder(features))
    through = torch.exp(-2 * density)  # a ray through the middle of the box is 2 long
    assert (through > 0.3).all()
    assert (through < 0.8).all()
    assert (colour - 0.5).abs().max() < 0.25


def test_gradients_reach_image_and_density(mini: LRM) -> None:
    image = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)).requires_grad_()
    planes = mini.predict_planes(image, CAMERA)
    activate(mini.decoder(planes.permute(0, 3, 4, 1, 2).flatten(3))).density.sum().backward()
    assert image.grad.abs().amax(dim=1).gt(0).float().mean() > 0.99
    dead = [name for name, p in mini.named_parameters() if not _moves(p.grad)]
    mini.zero_grad()
    assert [name for name in dead if not name.startswith("camera_embedder")] == []


def _moves(gradient: Tensor | None) -> bool:
    return gradient is not None and bool(gradient.isfinite().all()) and bool(gradient.abs().max() > 0)
