"""The figure of the chapter on models of growing quality."""

import plotly.graph_objects as go

from lrm_core.findings.headlines import headline
from lrm_core.findings.ladder import BASELINE, CLAIMS, numbers_over_quality
from lrm_core.page.elements.panels import panels

AXIS = "PSNR in novel views (dB)"
COLOURS_OF = {"told the truth": "procedural", "as published": "real", "moved to the oracle": "null"}


def ladder_figure(profile: str) -> go.Figure:
    """Each claim's number over the quality of the model, with the published one as a line."""
    published = {claim: headline(claim) for claim in CLAIMS}
    every = numbers_over_quality(profile).items()
    numbers = {claim: of for claim, of in every if max(map(len, of.values()), default=0) > 1}
    return panels(numbers, published, AXIS, COLOURS_OF, [BASELINE["psnr"]])
