"""The gauge freedom of a triplane: what can be added to it without the decoder noticing (chapter on basins)."""

from math import log10

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.evidence.experiments.e02_basins import image_distances, latent_distance
from lrm_core.evidence.oracles import split_views
from lrm_core.model.lrm import LRM
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis.basins import MEASURES
from lrm_core.show.elements.prose import number

EIGHT_BITS = 10 * log10(12 * 255**2)  # dB, PSNR of rounding to multiples of 1/255


@torch.no_grad()
def invisible_shift(
    model: LRM, planes: Float[Tensor, "3 c r r"], size: float, seed: int = 0
) -> Float[Tensor, "3 c r r"]:
    """Planes plus one constant per plane and channel that the decoder's first layer maps to zero.

    Args:
        model: whose first layer reads 3C channels into fewer hidden units, so that such constants exist.
        planes: any.
        size: mean absolute value of the constants.
        seed: which of them.

    Raises:
        ValueError: if the first layer has no null space.
    """
    weight = model.decoder.net[0].weight.double()  # (hidden, 3C)
    hidden, inputs = weight.shape
    if hidden >= inputs:
        raise ValueError(
            f"the decoder's first layer reads {inputs} channels into {hidden}: nothing is invisible"
        )
    basis = torch.linalg.svd(weight).Vh[hidden:]  # (3C - hidden, 3C)
    mix = torch.randn(len(basis), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    constants = mix.to(basis.device) @ basis
    constants = constants * (size / constants.abs().mean())
    return planes + constants.view(3, -1, 1, 1).to(planes.dtype)


@torch.no_grad()
def invisible_distances(chapter: Chapter) -> dict[str, float]:
    """How far the shifted prediction is from the prediction, as numbers and as pictures (psnr, dB)."""
    published = chapter.claim.published["random_vs_predinit"]["l1"]
    planes = {"prediction": chapter.predicted}
    planes["shifted"] = invisible_shift(chapter.model, chapter.predicted, published, chapter.seed)
    views = chapter.item.views(split_views(chapter.item)[1][:2])
    image = image_distances(chapter.model, planes, views)["psnr_between"]["prediction_vs_shifted"]
    return latent_distance(planes["prediction"], planes["shifted"]) | {"psnr": image}


def invisible_table(distances: dict[str, float]) -> pd.DataFrame:
    """The distances of `invisible_distances`, one row each."""
    rows = [(label, number(distances[key], 3)) for key, label in MEASURES.items()]
    rows.append(("PSNR between the renders (dB)", number(distances["psnr"], 0)))
    return pd.DataFrame(rows, columns=["prediction against shifted prediction", "value"])


def invisible_sentence(distances: dict[str, float]) -> str:
    """Whether the shift shows in an image of eight bits."""
    shows = "less" if distances["psnr"] > EIGHT_BITS else "more"
    return (
        f"The renders of the two differ {shows} than an image differs from itself rounded to eight bits "
        f"({number(EIGHT_BITS, 0)} dB). What difference there is comes from the rim of the planes, where a lookup "
        "mixes them with the zeros outside."
    )
