"""The large reconstruction model: one image and its camera to a triplane (Hong et al. 2024), and its decoder."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core.files import labelled, sha256
from lrm_core.model.config import LRMConfig
from lrm_core.model.encoder import VisionTransformer
from lrm_core.model.transformer import PlaneTransformer

HIDDEN = 64


class Activated(NamedTuple):
    """Colour (..., 3), within [-0.001, 1.001], and density (..., 1) in 1 / world unit."""

    colour: Float[Tensor, "*points 3"]
    density: Float[Tensor, "*points 1"]


class Decoder(nn.Module):
    """MLP 3C -> 64 -> 64 -> 64 -> 4 with ReLU between: raw density, then raw colour."""

    def __init__(self, plane_channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3 * plane_channels, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, 4),
        )

    def forward(self, features: Float[Tensor, "*points channels"]) -> Float[Tensor, "*points 4"]:
        """Raw density (first) and raw colour of features (..., 3C): the planes' C-vectors, plane 0 first."""
        return self.net(features)


def activate(raw: Float[Tensor, "*points 4"]) -> Activated:
    """Colour = sigmoid(raw) * 1.002 - 0.001 (as in Mip-NeRF); density, which comes first, = softplus(raw - 1)."""
    return Activated(colour=colour_of(raw[..., 1:]), density=F.softplus(raw[..., :1] - 1))


def colour_of(raw: Float[Tensor, "*values"]) -> Float[Tensor, "*values"]:
    """Sigmoid, stretched so that it reaches 0 and 1 (as in Mip-NeRF)."""
    return torch.sigmoid(raw) * 1.002 - 0.001


CAMERA_NUMBERS = 16


class LRM(nn.Module):
    """Predicts the planes of a field from one image; parameter names and shapes are OpenLRM 1.1's.

    A new model has random parameters: load some with `load_openlrm_state_dict`, or start training from
    `lrm_core.model.initialise.initialise`. Nothing is downloaded. Run it under `torch.autocast` for
    bfloat16; the planes then come in bfloat16.
    """

    def __init__(self, config: LRMConfig) -> None:
        super().__init__()
        self.config = config
        width, low = config.transformer_dim, config.triplane_low_res
        self.encoder = nn.ModuleDict({"model": VisionTransformer(config.vit)})
        self.encoder.requires_grad_(not config.encoder_freeze)
        camera = config.camera_embed_dim
        mlp = nn.Sequential(nn.Linear(CAMERA_NUMBERS, camera), nn.SiLU(), nn.Linear(camera, camera))
        self.camera_embedder = nn.ModuleDict({"mlp": mlp})
        self.pos_embed = nn.Parameter(torch.randn(1, 3 * low * low, width) / width**0.5)
        widths = width, config.encoder_feat_dim, camera
        self.transformer = PlaneTransformer(config.transformer_layers, *widths, config.transformer_heads)
        self.upsampler = nn.ConvTranspose2d(width, config.triplane_dim, kernel_size=2, stride=2)
        self.synthesizer = nn.ModuleDict({"decoder": Decoder(config.triplane_dim)})

    @property
    def decoder(self) -> Decoder:
        """Maps plane features (..., 3C) to raw density and raw colour (..., 4)."""
        return self.synthesizer["decoder"]

    def encode_image(self, image: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n tokens e"]:
        """Features (N, 1 + P, E) of images in [0, 1]; independent of the camera, so worth caching.

        ValueError if the image is not (N, 3, H, W) with sides that are multiples of the patch size.
        """
        return self.encoder["model"](image)

    def planes_from_features(
        self, features: Float[Tensor, "n tokens e"], source_camera: Float[Tensor, "n 16"]
    ) -> Float[Tensor, "n 3 c r r"]:
        """Planes (N, 3, C, R, R) of an image's features and its camera.

        Features (N, 1 + P, E) are those of `encode_image`; a row of `source_camera` (N, 16) is the 3x4 pose by rows,
        camera to world, in world units, then fx, fy, cx, cy as fractions of the image. ValueError if it has another
        shape.
        """
        if source_camera.shape != (len(features), CAMERA_NUMBERS):
            raise ValueError(
                f"expected source_camera ({len(features)}, {CAMERA_NUMBERS}), one row per image, "
                f"found {tuple(source_camera.shape)}; principal_camera makes such rows"
            )
        low = self.config.triplane_low_res
        tokens = self.pos_embed.expand(len(features), -1, -1)
        tokens = self.transformer(tokens, features, self.camera_embedder["mlp"](source_camera))
        tokens = tokens.unflatten(1, (3, low, low)).permute(0, 1, 4, 2, 3)  # (N, 3, d, low, low)
        return self.upsampler(tokens.flatten(0, 1)).unflatten(0, (-1, 3))

    def predict_planes(
        self, image: Float[Tensor, "n 3 h w"], source_camera: Float[Tensor, "n 16"]
    ) -> Float[Tensor, "n 3 c r r"]:
        """Planes (N, 3, C, R, R) of images in [0, 1] seen by `source_camera`.

        Arguments and errors are those of `encode_image` and `planes_from_features`.
        """
        return self.planes_from_features(self.encode_image(image), source_camera)

    forward = predict_planes

    def load_openlrm_state_dict(self, state: Mapping[str, Float[Tensor, "..."]]) -> None:
        """Take over parameters by OpenLRM's names, every one of them; float16 becomes this model's dtype.

        ValueError if names are missing, unexpected, or of another shape; the model is then unchanged.
        """
        check_state(state, {name: tensor.shape for name, tensor in self.state_dict().items()})
        self.load_state_dict(state)


def model_hash(model: nn.Module) -> str:
    """SHA-256, in hexadecimal, over the names, types, shapes and bytes of the state in order of name."""
    return sha256(*labelled(model.state_dict()))


def check_state(state: Mapping[str, Float[Tensor, "..."]], expected: Mapping[str, Sequence[int]]) -> None:
    """Refuse parameters that do not have the `expected` names and shapes.

    One ValueError for all faults counts those of each kind and names the first three.
    """
    faults = {
        "missing": [name for name in expected if name not in state],
        "unexpected": [name for name in state if name not in expected],
        "misshapen": [
            f"{name} {tuple(state[name].shape)} instead of {tuple(shape)}"
            for name, shape in expected.items()
            if name in state and state[name].shape != torch.Size(shape)
        ],
    }
    found = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if names[3:] else ''})"
        for kind, names in faults.items()
        if names
    ]
    if found:
        raise ValueError(
            f"the parameters do not fit this model: {', '.join(found)}; "
            f"expected the {len(expected)} names and shapes of its configuration"
        )
