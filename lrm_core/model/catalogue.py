"""The models that `load_model` knows by name: size, licence, and where they are."""

from typing import NamedTuple

import torch

from lrm_core.model.config import MINI_NAME, PRESETS, LRMConfig
from lrm_core.model.hub import LICENCE, WEIGHTS, cached
from lrm_core.model.lrm import LRM
from lrm_core.paths import data_dir


class CatalogueEntry(NamedTuple):
    """A model: how many parameters, under which licence, and the path of its weights (None if not here)."""

    name: str
    parameters: int
    licence: str
    path: str | None


def catalogue() -> list[CatalogueEntry]:
    """Every model that has a name; asks no network."""
    mini = data_dir() / "mini" / "mini.safetensors"
    places = {name: (folder := cached(name)) and folder / WEIGHTS for name in PRESETS if name != MINI_NAME}
    places = {MINI_NAME: mini if mini.exists() else None} | places
    return [
        CatalogueEntry(
            name,
            parameter_count(PRESETS[name]),
            "Apache-2.0" if name == MINI_NAME else LICENCE,
            place and str(place),
        )
        for name, place in places.items()
    ]


def parameter_count(config: LRMConfig) -> int:
    """Numbers that a model of these sizes learns."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in LRM(config).parameters())
