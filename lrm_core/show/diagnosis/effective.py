"""The effective error of E7 as published: the residual's share of each bin times that of the response."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float

from lrm_core.evidence.experiments.e05_residual_spectrum import BIN_EDGES
from lrm_core.show.diagnosis.correction import published_cutoff
from lrm_core.show.elements.curves import Curve, curves, mean_lists
from lrm_core.show.elements.prose import percent
from lrm_core.show.elements.style import COLOURS
from lrm_core.spectral import white_noise_shares

RESIDUAL, RESPONSE = "e05_residual_spectrum", "e06_response"
CENTRES = [round((low + high) / 2, 2) for low, high in pairwise(BIN_EDGES)]
LINES = {
    "residual": ("the residual's share of amplitude", "pred", "solid"),
    "response": ("the response's share", "reference", "dash"),
    "product": ("their product: the effective error", "predinit", "solid"),
    "flat": ("the product for white noise", "null", "dot"),
}
Shares = Mapping[str, Float[np.ndarray, "objects bins"]]


def shares(residuals: pd.DataFrame, responses: pd.DataFrame, size: int) -> Shares:
    """Shares over the ten bins up to Nyquist, for the objects that both tables have, each with the sum 1.

    Args:
        residuals, responses: records of E5 and of E6.
        size: texels along a side of a plane.
    """
    bins, answers = mean_lists(residuals, "predicted.bins"), mean_lists(responses, "published.bin_shares")
    names = [name for name in bins if name in answers]
    residual, response = (np.array([of[name] for name in names]) for of in (bins, answers))
    flat = white_noise_shares(size, BIN_EDGES).numpy()
    found = {
        "residual": residual,
        "response": response,
        "product": residual * response,
        "flat": flat * response,
    }
    return {name: values / values.sum(axis=1, keepdims=True) for name, values in found.items()}


def effective_figure(found: Shares) -> go.Figure:
    """Shares by bin, mean over the objects."""
    lines = [
        Curve(label, CENTRES, found[name].mean(axis=0).tolist(), COLOURS[colour], dash, 3)
        for name, (label, colour, dash) in LINES.items()
    ]
    return curves(lines, ("frequency (× Nyquist)", "share of the bin"), effective_sentence(found))


def effective_sentence(found: Shares) -> str:
    """What lies below the published cutoff of each."""
    cutoff = published_cutoff()
    low = [centre < cutoff for centre in CENTRES]
    part = {name: percent(values[:, low].sum(axis=1).mean()) for name, values in found.items()}
    return (
        f"Below {cutoff:g} × Nyquist lie {part['residual']} of the residual's amplitude, {part['response']} of the "
        f"response and {part['product']} of the product, in the mean over {len(found['product'])} objects. If the "
        f"residual were white noise, the product would have {part['flat']} there."
    )
