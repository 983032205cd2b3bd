"""Benches of JupyterLab: what the explorables show, by the live kernel on the full-precision model.

They need the kernel, so that a built page has one sentence in their place.
"""

from lrm_core.show.kernel.band_correction import band_correction_bench, correct_band, show_band_correction
from lrm_core.show.kernel.bench import Bench
from lrm_core.show.kernel.front_end import INVITATION, is_live
from lrm_core.show.kernel.residual_spectrum import band_table, residual_spectrum_bench, show_residual_spectrum
from lrm_core.show.kernel.subject import Setting, Subject

__all__ = [
    "INVITATION",
    "Bench",
    "Setting",
    "Subject",
    "band_correction_bench",
    "band_table",
    "correct_band",
    "is_live",
    "residual_spectrum_bench",
    "show_band_correction",
    "show_residual_spectrum",
]
