"""How close pictures are: PSNR, and LPIPS (Zhang et al. 2018), by the features of a network."""

import warnings
from functools import cache

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from lrm_core.files import check_listed
from lrm_core.paths import data_dir
from lrm_core.torchvision_guard import allow_torchvision_import

BEST_PSNR = 100.0  # dB


def mean_square(pred: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead"]:
    """Mean squared difference of each image."""
    return (pred - target).square().mean((-3, -2, -1))


def psnr(pred: Float[Tensor, "*lead 3 h w"], target: Float[Tensor, "*lead 3 h w"]) -> Float[Tensor, "*lead"]:
    """Peak signal-to-noise ratio of each image in dB, data range 1; at most 100 dB (equal images)."""
    return psnr_of(mean_square(pred, target))


def psnr_of(error: Float[Tensor, "*lead"]) -> Float[Tensor, "*lead"]:
    """PSNR in dB of a mean squared error, data range 1; at most 100 dB."""
    return (-10 * error.log10()).clamp(max=BEST_PSNR)


WEIGHTS = "lpips/alex.safetensors"
AT_ONCE = 16  # images


@torch.no_grad()
def lpips(pred: Float[Tensor, "n 3 h w"], target: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """LPIPS 0.1 with AlexNet of images in [0, 1]; 0 where they are equal. At least 32 x 32 pixels.

    FileNotFoundError if the weights are missing.
    """
    return lpips_with_gradients(pred, target)


def lpips_with_gradients(pred: Float[Tensor, "n 3 h w"], target: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """`lpips` for a loss: gradients flow to both images."""
    network = _network(pred.device)
    pairs = zip(pred.split(AT_ONCE), target.split(AT_ONCE), strict=True)
    return torch.cat([network(a, b, normalize=True).flatten() for a, b in pairs])


@cache
def _network(device: torch.device) -> nn.Module:
    """The `lpips` package's network with the weights in `data/`; nothing is downloaded or unpickled."""
    path = data_dir() / WEIGHTS
    if not path.exists():
        raise FileNotFoundError(f"{path}: no LPIPS weights; it comes with the repository (git checkout data/lpips)")
    check_listed(path)
    allow_torchvision_import()
    from lpips import LPIPS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of torchvision, at a keyword that lpips 0.1.4 still uses
        network = LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
    network.load_state_dict(_named(load_file(path), network), strict=False)
    return network.requires_grad_(False).to(device)


def _named(weights: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Weights under the package's names: features.3.bias -> net.slice2.3.bias, lin0 -> lin0.model.1.weight."""
    slices = {
        f"features.{layer}": f"net.{part}.{layer}"
        for part, module in network.net.named_children()
        for layer, _ in module.named_children()
    }
    named = {}
    for name, value in weights.items():
        layer, _, kind = name.rpartition(".")
        named[f"{slices[layer]}.{kind}" if layer else f"{name}.model.1.weight"] = value
    return named
