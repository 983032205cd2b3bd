"""Bench of the chapter on band correction: one band of the residual taken away at full precision (E8, claim C4)."""

from typing import Any, Literal, NamedTuple

import ipywidgets as widgets
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.evidence.claims import published
from lrm_core.evidence.correction_scores import Scene, Scores
from lrm_core.evidence.experiments.e08_band_correction import residual_shares
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis.corrected import TARGETS
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import number, percent, table_html
from lrm_core.show.kernel.bench import ENTRY, FIELD, WIDE, Bench
from lrm_core.show.kernel.front_end import show_bench
from lrm_core.show.kernel.subject import Setting, Subject
from lrm_core.spectral import split_residual

Band = Literal["low", "high"]
LOWEST, HIGHEST, STEP = 0.05, 1.0, 0.01  # cutoffs, in x Nyquist


class Correction(NamedTuple):
    """One band of a residual taken away.

    Attributes:
        images: renders of T_pred less the band, (views, 3, H, W).
        before, after: scores against each target, as `Scene.scores`.
        share: of the residual's power, in [0, 1], that was corrected.
    """

    images: Float[Tensor, "views 3 h w"]
    before: Scores
    after: Scores
    share: float


@torch.no_grad()
def correct_band(scene: Scene, band: Band, cutoff: float) -> Correction:
    """Renders and scores of T_pred less one band of its residual.

    Args:
        band: "low" below the cutoff, "high" from it on, corners included.
        cutoff: in x Nyquist.

    Raises:
        ValueError: if the cutoff is not above 0.
    """
    images = scene.corrected(split_residual(scene.residual, cutoff)._asdict()[band])
    share = residual_shares(scene.residual, cutoff)["power"][band]
    return Correction(images, scene.scores(scene.before), scene.scores(images), share)


def show_band_correction(chapter: Chapter) -> None:
    """Display the bench on the chapter's object where somebody is there to use it, else one sentence."""
    show_bench(band_correction_bench, chapter)


def band_correction_bench(setting: Setting) -> Bench:
    """A bench with a cutoff and a band, and buttons for the published values."""
    cutoff = published("C4")["cutoff_x_nyquist"]
    controls = {
        "band": widgets.Dropdown(
            options=[("low, below the cutoff", "low"), ("high, from the cutoff on", "high")],
            description="Band",
            style=WIDE,
            layout=FIELD,
        ),
        "cutoff": widgets.FloatSlider(
            cutoff,
            min=LOWEST,
            max=HIGHEST,
            step=STEP,
            description="Cutoff (× Nyquist)",
            **ENTRY,
        ),
    }
    return Bench(setting, _draw, controls, _presets())


def _presets() -> dict[str, dict[str, Any]]:
    cutoff, bands = published("C4")["cutoff_x_nyquist"], published("C2")["bands_x_nyquist"]
    edges = {"low": bands["low"][1], "high": bands["high"][0]}
    corrected = {f"C4: {band} band, {cutoff:g}": {"band": band, "cutoff": cutoff} for band in edges}
    shared = {f"C2: {band} band, {edge:g}": {"band": band, "cutoff": edge} for band, edge in edges.items()}
    return corrected | shared


def _draw(subject: Subject, band: Band, cutoff: float) -> str:
    scene, found = subject.scene, correct_band(subject.scene, band, cutoff)
    rows = [
        image_row(
            {"prediction": before, f"{band} band corrected": after, "oracle": reference, "truth": truth},
            f"{subject.item.name}, held-out view {view}",
        )
        for view, (before, after, reference, truth) in enumerate(
            zip(scene.before, found.images, *(scene.targets[name] for name in TARGETS), strict=True), start=1
        )
    ]
    corrected = f"Corrected: {percent(found.share)} of the residual's power."
    said = f"<p>{corrected} Means over {len(rows)} held-out views:</p>"
    return "".join(rows) + said + table_html(_scores_table(found, band))


def _scores_table(found: Correction, band: Band) -> pd.DataFrame:
    """L1 and PSNR against both targets, before and after, as text."""
    rows = [
        {"": label}
        | {f"L1 to {words}": number(scores[target]["l1"], 4) for target, words in TARGETS.items()}
        | {f"PSNR to {words} (dB)": number(scores[target]["psnr"], 1) for target, words in TARGETS.items()}
        | {
            f"improvement, to {words}": percent(scores[target]["improvement"])
            for target, words in TARGETS.items()
        }
        for label, scores in (("prediction", found.before), (f"{band} band corrected", found.after))
    ]
    return pd.DataFrame(rows)
