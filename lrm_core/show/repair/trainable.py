"""What the trained parameters are a fraction of (claim C14, audit A13)."""

from typing import NamedTuple

import pandas as pd
import torch

from lrm_core.evidence.arms import MAIN_RANK
from lrm_core.evidence.claims import published
from lrm_core.fit.lora import Adapters
from lrm_core.model.config import BASE, LRMConfig
from lrm_core.model.lrm import LRM

RANKS = (MAIN_RANK, 2 * MAIN_RANK)  # those whose counts were published


class Counts(NamedTuple):
    """Numbers of parameters: those of the adapters, of the transformer that holds them, and of the whole model."""

    adapters: int
    transformer: int
    model: int


def counts(config: LRMConfig, rank: int) -> Counts:
    """Of a model with adapters of a rank in the published form; nothing is allocated."""
    with torch.device("meta"):
        model = LRM(config)
        transformer, whole = (
            sum(p.numel() for p in part.parameters()) for part in (model.transformer, model)
        )
        adapters = Adapters(model, rank)
    return Counts(sum(value.numel() for value in adapters.state().values()), transformer, whole)


def fraction_table(config: LRMConfig) -> pd.DataFrame:
    """The adapters over the transformer and over the whole model, for the published model and for this one."""
    claimed = published("C14")["fraction"]
    rows = [
        (
            "as published",
            str(MAIN_RANK),
            f"{published('C10')['trainable_r4']:,}",
            "–",
            _share(claimed),
        )
    ]
    for name, counted in (("OpenLRM 1.1 base, counted", BASE), ("this model, counted", config)):
        for rank in RANKS:
            found = counts(counted, rank)
            shares = [f"{_share(found.adapters / of)} of {of:,}" for of in (found.transformer, found.model)]
            rows.append((name, str(rank), f"{found.adapters:,}", *shares))
    return pd.DataFrame(
        rows, columns=["model", "rank", "adapters", "of the transformer", "of the whole model"]
    )


def fraction_sentence() -> str:
    """What the published fraction is a fraction of."""
    found, claimed = counts(BASE, MAIN_RANK), published("C14")["fraction"]
    nearest = min(
        ("transformer", "model"), key=lambda part: abs(found.adapters / getattr(found, part) - claimed)
    )
    words = {"transformer": "the transformer alone", "model": "the whole model"}
    other = {"transformer": "model", "model": "transformer"}[nearest]
    return (
        f"The published {_share(claimed)} agrees with the fraction of {words[nearest]}, "
        f"{_share(found.adapters / getattr(found, nearest))}; of {words[other]} it is "
        f"{_share(found.adapters / getattr(found, other))}."
    )


def _share(value: float) -> str:
    return f"{100 * value:.3f}%"
