"""Spectra of triplanes: radial bands, their shares, and the references that they are read against."""

from lrm_core.spectral.bands import (
    PUBLISHED_EDGES,
    band_shares,
    band_totals,
    block_grid_share,
    mode_density,
    pooled_shares,
    profile_radii,
    published_shares,
    radial_profile,
    split_bands,
)
from lrm_core.spectral.references import PowerLaw, fit_power_law, power_law_shares, white_noise_shares

__all__ = [
    "PUBLISHED_EDGES",
    "PowerLaw",
    "band_shares",
    "band_totals",
    "block_grid_share",
    "fit_power_law",
    "mode_density",
    "pooled_shares",
    "power_law_shares",
    "profile_radii",
    "published_shares",
    "radial_profile",
    "split_bands",
    "white_noise_shares",
]
