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
from lrm_core.spectral.corrections import (
    BandSplit,
    channel_means,
    count_numbers,
    matched_noise,
    random_part,
    split_residual,
    structured_low,
)
from lrm_core.spectral.references import PowerLaw, fit_power_law, power_law_shares, white_noise_shares
from lrm_core.spectral.response import (
    RESPONSE_BANDS,
    band_noise,
    lookup_response,
    mask_leakage,
    response,
    response_shares,
    response_slope,
)

__all__ = [
    "PUBLISHED_EDGES",
    "RESPONSE_BANDS",
    "BandSplit",
    "PowerLaw",
    "band_noise",
    "band_shares",
    "band_totals",
    "block_grid_share",
    "channel_means",
    "count_numbers",
    "fit_power_law",
    "lookup_response",
    "mask_leakage",
    "matched_noise",
    "mode_density",
    "pooled_shares",
    "power_law_shares",
    "profile_radii",
    "published_shares",
    "radial_profile",
    "random_part",
    "response",
    "response_shares",
    "response_slope",
    "split_bands",
    "split_residual",
    "structured_low",
    "white_noise_shares",
]
