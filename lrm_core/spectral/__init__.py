"""Spectra of triplanes: radial bands, their shares, and the references that they are read against."""

from lrm_core.spectral.bands import (
    PUBLISHED_EDGES,
    band_shares,
    band_totals,
    block_grid_share,
    fit_power_law,
    frequency_radius,
    mode_density,
    pooled_shares,
    power_law_shares,
    profile_radii,
    published_shares,
    radial_profile,
    split_bands,
)
from lrm_core.spectral.corrections import (
    channel_means,
    count_numbers,
    matched_noise,
    random_part,
    split_residual,
    structured_low,
)
from lrm_core.spectral.response import (
    RESPONSE_BANDS,
    band_noise,
    lookup_response,
    mask_leakage,
    response,
    response_shares,
    response_slope,
)
