"""Sliders of JupyterLab: the functions of a chapter's cells, by the live kernel on the full-precision model.

They need the kernel, so that a built page has one sentence in their place.
"""

from lrm_core.page.widgets.bench import Bench
from lrm_core.page.widgets.sliders import INVITATION, is_live, show_sliders, sliders_bench
from lrm_core.page.widgets.subject import Subject, subject_of

__all__ = ["INVITATION", "Bench", "Subject", "is_live", "show_sliders", "sliders_bench", "subject_of"]
