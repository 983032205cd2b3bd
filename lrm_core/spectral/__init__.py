"""Spectra of triplanes: radial bands, their shares, and the references that they are read against."""

from lrm_core.spectral.bands import PUBLISHED_EDGES, band_shares, frequency_radius, published_shares, split_bands
from lrm_core.spectral.corrections import random_part, split_residual, structured_low
from lrm_core.spectral.response import lookup_response, response
