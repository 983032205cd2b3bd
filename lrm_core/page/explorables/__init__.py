"""Figures that compute in the page: bands mixed, a spectrum of chosen slope, noise, a walk, a wrong distance."""

from lrm_core.page.explorables.mixes import (
    show_band_mixer,
    show_basins_line,
    show_camera_mismatch,
    show_low_band_mixer,
)
from lrm_core.page.explorables.spectra import show_noise_probe, show_spectrum
