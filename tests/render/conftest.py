from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lrm_core.model.lrm import Decoder

PARITY = Path(__file__).parents[1] / "fixtures" / "parity"


def decoder_from(tensors, prefix, channels=8):
    decoder = Decoder(channels)
    decoder.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    return decoder


@pytest.fixture(scope="session")
def vectors():
    return load_file(PARITY / "renderer.safetensors")


@pytest.fixture(scope="session")
def rough_decoder(vectors):
    return decoder_from(vectors, "param.decoder.")


@pytest.fixture
def ball():
    """A smooth field in float64: an opaque ball of radius 0.5 in empty space; planes (3, 4, 16, 16), decoder."""
    torch.manual_seed(0)
    side, channels = 16, 4
    centre = (2 * torch.arange(side, dtype=torch.float64) + 1) / side - 1
    square = centre.square()
    planes = 0.1 * torch.randn(3, channels, side, side, dtype=torch.float64)
    planes[0, 0] = square[:, None] + square[None]  # x^2 + y^2 on plane (x, y)
    planes[1, 0] = square[:, None].expand(side, side)  # z^2 on plane (x, z)
    planes[2, 0] = 0
    decoder = Decoder(channels).double()
    with torch.no_grad():
        for layer in (decoder.net[0], decoder.net[2], decoder.net[4], decoder.net[6]):
            layer.bias.zero_()
        decoder.net[0].weight[0] = 0
        decoder.net[0].weight[0, [0, channels]] = 1.0  # hidden 0 = squared radius
        for layer in (decoder.net[2], decoder.net[4]):
            layer.weight[0] = 0
            layer.weight[0, 0] = 1.0
        decoder.net[6].weight[0] = 0
        decoder.net[6].weight[0, 0] = -160.0
        decoder.net[6].bias[0] = 40.0
    return planes, decoder
