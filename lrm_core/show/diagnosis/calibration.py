"""Figures and tables on calibrations of the prediction (E11), in the chapter on directions.

No claim rests on them: their records are read beside those of the chapter (`chapter.records_beside`).
"""

from math import nan
from statistics import fmean

import pandas as pd
import plotly.graph_objects as go
import torch

from lrm_core.evidence.claims import published
from lrm_core.evidence.live import Live, recompute
from lrm_core.evidence.matter import matter_texels
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis.corrected import TARGETS, corrected_pictures
from lrm_core.show.elements.prose import mean_and_interval, number, percent
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.spectral.calibration import (
    KINDS,
    Kind,
    Moments,
    calibrate,
    moments,
    moments_of_lists,
    pooled,
    removed_share,
)

EXPERIMENT = "e11_calibration"
LABELS: dict[Kind, str] = {
    "scale": "one scale",
    "channel_scale": "a scale for each channel",
    "channel_affine": "a scale and a shift for each channel",
}
FITS = {"everywhere": "all texels", "matter": "texels of the object"}
LIVE_ENTRIES = {
    "everywhere.scale.scale.mean": "best scale, all texels",
    "everywhere.channel_affine.removed": "residual removed by channel affine, all texels",
    "matter.channel_affine.removed": "the same where the object is",
    "everywhere.channel_affine.images.reference.improvement": "images, to renders of the oracle, all texels",
    "matter.channel_affine.images.truth.improvement": "images, to the truth, fitted where the object is",
    "matter.channel_affine.even.truth.improvement": "straight step of the same share",
}


def live(chapter: Chapter) -> Live:
    """The record of the chapter's object computed now, with the stored one; without the moments."""
    device = str(next(chapter.model.parameters()).device)
    found = recompute(chapter.plan.name, EXPERIMENT, chapter.item.name, seed=chapter.seed, device=device)
    return Live(
        *(value and {k: v for k, v in value.items() if k != "moments"} for value in vars(found).values())
    )


@torch.no_grad()
def pictures(chapter: Chapter) -> str:
    """A held-out view before and after each calibration that was fitted where the object is, as HTML."""
    predicted, reference = chapter.predicted, chapter.oracle("predicted").planes
    mask = matter_texels(chapter.model, reference)
    m = moments(predicted, reference, mask if mask.flatten(1).any(1).all() else None)
    parts = {LABELS[kind]: predicted - calibrate(m, kind).apply(predicted) for kind in KINDS}
    return corrected_pictures(chapter, parts)


def scale_sentence(table: pd.DataFrame) -> str:
    """The best single scale, beside the one that was published for another purpose."""
    x, known = intervals(table), published("C1")["pred_vs_predinit"]["best_scale"]
    found = " and ".join(
        f"{mean_and_interval(x(f'{fit}.scale.scale.mean'), 3)} over {words}" for fit, words in FITS.items()
    )
    return f"The best single scale is {found}; for its stone the fork gives {number(known, 3)}."


def removed_figure(chapter: Chapter, table: pd.DataFrame) -> go.Figure:
    """Share of the squared residual that each calibration removes, beside what it removes of an unrelated error."""
    x, panels, parts = intervals(table), [], []
    for fit, words in FITS.items():
        rows = [
            Row(
                label,
                f"{fit}.{kind}.removed",
                _there("unrelated error", x(f"{fit}.{kind}.unrelated").estimate),
            )
            for kind, label in LABELS.items()
        ]
        panels.append(Panel(f"share of the squared residual removed, {words}", rows, span=(0, 1)))
        parts += [f"{words}, {row.label}: {percent(x(row.column).estimate)}" for row in rows]
    alt = f"Share of the squared residual that calibrations remove, for every object. {'; '.join(parts)}."
    return strips(table, chapter.groups, panels, alt)


def images_figure(chapter: Chapter, table: pd.DataFrame) -> go.Figure:
    """What the calibrations remove of the error of the images, for both targets, beside a straight step."""
    x, panels, parts = intervals(table), [], []
    for (fit, words), (target, aim) in zip(FITS.items(), TARGETS.items(), strict=True):
        rows = [
            Row(
                label,
                f"{fit}.{kind}.images.{target}.improvement",
                _there("straight step", x(f"{fit}.{kind}.even.{target}.improvement").estimate),
            )
            for kind, label in LABELS.items()
        ]
        panels.append(
            Panel(f"improvement, to {aim}; fitted to {words}", rows, {"as before": 0.0}, span=(0, 1))
        )
        parts += [f"to {aim}, {row.label}: {percent(x(row.column).estimate)}" for row in rows]
    alt = f"Improvement of the images by calibrations, for every object. {'; '.join(parts)}."
    return strips(table, chapter.groups, panels, alt)


def shared_table(table: pd.DataFrame) -> pd.DataFrame:
    """What one calibration for all objects removes of the residual of each, fitted without it."""
    own, x = held_out(table), intervals(table)
    rows = [
        {
            "calibration": label,
            "numbers": number(x(f"everywhere.{kind}.parameters").estimate, 0),
            "fitted to the object itself": percent(x(f"matter.{kind}.removed").estimate),
            "fitted to the other objects": percent(fmean(own[kind].values()) if own[kind] else nan),
            "objects that get better by it": f"{sum(v > 0 for v in own[kind].values())} of {len(own[kind])}",
        }
        for kind, label in LABELS.items()
    ]
    return pd.DataFrame(rows)


def held_out(table: pd.DataFrame) -> dict[Kind, dict[str, float]]:
    """Share of the squared residual of each object that the calibration of all others removes, where the object is.

    Objects without a texel in matter, and a single object, are left out.
    """
    known = _moments(table)
    found: dict[Kind, dict[str, float]] = {kind: {} for kind in KINDS}
    for name, mine in known.items():
        others = [m for other, m in known.items() if other != name]
        for kind in KINDS if others else ():
            share = removed_share(mine, calibrate(pooled(others), kind))
            if share is not None:
                found[kind][name] = share
    return found


def scores_table(table: pd.DataFrame) -> pd.DataFrame:
    """Improvement of the images by every calibration, with its interval, and by a straight step of the same share."""
    x = intervals(table)
    rows = []
    for fit, words in FITS.items():
        for kind, label in LABELS.items():
            columns = {
                f"to {aim}": f"{fit}.{kind}.{{}}.{target}.improvement" for target, aim in TARGETS.items()
            }
            cells = {name: mean_and_interval(x(column.format("images"))) for name, column in columns.items()}
            steps = {
                f"straight step, {name}": mean_and_interval(x(column.format("even")))
                for name, column in columns.items()
            }
            rows.append({"calibration": label, "fitted to": words} | cells | steps)
    return pd.DataFrame(rows)


def _moments(table: pd.DataFrame) -> dict[str, Moments]:
    """Of the first record of each object, where the object is."""
    prefix, found = "moments.matter.", {}
    columns = [column for column in table if column.startswith(prefix)]
    for _, row in table.drop_duplicates("object").iterrows():
        if columns and isinstance(row[columns[0]], list):
            found[row["object"]] = moments_of_lists({c.removeprefix(prefix): row[c] for c in columns})
    return found


def _there(name: str, value: float) -> dict[str, float]:
    return {} if value != value else {name: value}
