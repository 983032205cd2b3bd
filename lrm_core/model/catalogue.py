"""The models that `load_model` knows by name: size, licence, and where they are."""

from typing import NamedTuple

import torch

from lrm_core.model.config import MINI_NAME, PRESETS
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
    return [_entry(name) for name in sorted(PRESETS, key=lambda name: name != MINI_NAME)]


def parameter_count(name: str) -> int:
    """Numbers that a model learns, from its sizes alone."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in LRM(PRESETS[name]).parameters())


def _entry(name: str) -> CatalogueEntry:
    if name == MINI_NAME:
        weights, licence = data_dir() / "mini" / "mini.safetensors", "Apache-2.0"
        return CatalogueEntry(
            name, parameter_count(name), licence, str(weights) if weights.exists() else None
        )
    folder = cached(name)
    return CatalogueEntry(name, parameter_count(name), LICENCE, folder and str(folder / WEIGHTS))
