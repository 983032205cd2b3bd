"""What stands beside the band corrections of E8: random parts of the residual, noise, and the differences."""

from statistics import fmean

import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.experiments.e08_band_correction import flat_improvement
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.diagnosis.corrected import TARGETS
from lrm_core.show.diagnosis.correction import SERIES, improvement
from lrm_core.show.elements.prose import mean_and_interval, percent
from lrm_core.show.elements.strips import Panel, Row, strips

BANDS = ("low", "high")
_LABELS = {name: label for name, (label, _, _) in SERIES.items()}
_LABELS |= {f"random_{band}": f"power of the {band} band at random" for band in BANDS}
# Labels of the corrections at the published cutoff; each band is followed by its controls.
CORRECTIONS = {name: _LABELS[name] for band in BANDS for name in (band, f"random_{band}", f"control_{band}")}


def controls_figure(chapter: Chapter) -> go.Figure:
    """Improvement at the published cutoff for every object: both bands, their controls, the whole residual."""
    published = chapter.claim.published
    marks = {band: {"published": fmean(published[f"{band}_only"].values())} for band in ("low", "high")}
    panels = []
    for target, words in TARGETS.items():
        rows = [
            Row(
                label,
                f"corrections.{name}.{target}.improvement",
                marks.get(name, {}) if target == "reference" else {},
            )
            for name, label in CORRECTIONS.items()
        ]
        if target == "truth":
            rows.append(Row("the whole residual: the oracle", "oracle.truth.improvement"))
        panels.append(Panel(f"improvement, to {words}", rows, {"as before": 0.0}, span=(0, 1)))
    x = intervals(chapter.table)
    alt = "Points for every object. " + " ".join(
        f"To {words}: "
        + ", ".join(f"{label} {percent(improvement(x, name, target))}" for name, label in CORRECTIONS.items())
        + "."
        for target, words in TARGETS.items()
    )
    return strips(chapter.table, chapter.groups, panels, alt)


def margins_table(chapter: Chapter) -> pd.DataFrame:
    """The differences between improvements that the rule reads."""
    x = intervals(chapter.table)
    names = {
        "low_minus_high": "low band minus high band",
        "low_minus_random": "low band minus its power at random",
        "low_minus_control": "low band minus its noise",
    }
    rows = [
        (label, *(mean_and_interval(x(f"margin.{name}.{target}"), 3) for target in TARGETS))
        for name, label in names.items()
    ]
    return pd.DataFrame(rows, columns=["difference", *(f"to {words}" for words in TARGETS.values())])


def power_sentence(chapter: Chapter) -> str:
    """What random parts of the residual improve, beside a renderer that answers in proportion to it."""
    x, table = intervals(chapter.table), chapter.table
    shares = table[[f"share.power.{band}" for band in BANDS]].astype(float).to_numpy()
    flat = [flat_improvement(dict(zip(BANDS, row, strict=True))) for row in shares]
    worth = " and ".join(percent(fmean(one[band] for one in flat)) for band in BANDS)
    found = " and ".join(percent(improvement(x, f"random_{band}", "reference")) for band in BANDS)
    return (
        f"If the error went with the length of the residual, whatever its band, the power of the low and of the high "
        f"band would be worth {worth}. Taken away at random it is worth {found}, to renders of the oracle: where "
        "that is more, the error falls faster than the length of the residual, so that the power of a part alone "
        "does not say what its correction is worth."
    )
