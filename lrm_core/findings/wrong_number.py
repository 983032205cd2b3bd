"""One wrong number: what telling a wrong source distance makes of the published numbers, and what repairs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from plotly.subplots import make_subplots
from torch import Tensor

from lrm_core.evidence.cause import MOST, PATTERN, SLACK, Cause, Share, cause, pattern, pattern_met
from lrm_core.evidence.experiments import get_experiment
from lrm_core.evidence.learned import NEAR
from lrm_core.evidence.oracles import heldout_views, predicted_planes, render_images
from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.statistics import UNKNOWN, Interval, bca_interval, interval_of
from lrm_core.evidence.verdicts import experiment_table, verdicts
from lrm_core.findings import repair
from lrm_core.findings.say import say
from lrm_core.profiles import DISTANCES, PUBLISHED, TOLD, get_profile
from lrm_core.show import chapter as page
from lrm_core.show.elements.curves import mean_lists
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import mean_and_interval, number, percent
from lrm_core.show.elements.style import COLOURS, SMALL, finish

EXPERIMENTS = ("e05_residual_spectrum", "e08_band_correction", "e09_low_band", "e04_visibility")
TEXT = "one_wrong_number"
AGREE = 0.01  # a share or an improvement that was stored elsewhere
DOSE = "e17_source_distance"
DOSE_COLUMNS = {
    "high_share": "residual.published_high",
    "low_share": "residual.published_low",
    "low_correction": "residual.low_to_reference",
    "high_correction": "residual.high_to_reference",
}
PANELS = {
    "share of the residual's amplitude": {"high_share": "fine", "low_share": "coarse"},
    "error removed by correcting it": {"low_correction": "coarse", "high_correction": "fine"},
}
TONES = {"coarse": "procedural", "fine": "real"}
AXIS = "distance told, over the true one"
DRAWN = (TOLD / DISTANCES[1], TOLD / DISTANCES[0])  # told over true in the published runs


@dataclass(frozen=True)
class Point:
    """The four shares of the pattern for one thing that the encoder is told."""

    told: float
    shares: Mapping[str, Interval]


def conditions(profile: str) -> dict[str, Point]:
    """The pattern of the same objects told the truth, and in the published condition at their mean factor."""
    plan = get_profile(profile + PUBLISHED)
    factor = fmean(plan.told(folder.name) for folder in plan.object_folders())
    return {
        "told the truth": Point(1.0, pattern(profile, like=plan.name)),
        "published condition": Point(factor, pattern(profile + PUBLISHED)),
    }


def dose(profile: str) -> dict[float, dict[str, Interval]]:
    """The pattern by the factor that every object is told; the oracle stays that of the truth."""
    table = experiment_table(DOSE, profile)
    if table.empty:
        return {}
    factors = [float(factor) for factor in table["factors"].iloc[0]]
    lists = {
        name: np.stack(list(mean_lists(table, column).values())) for name, column in DOSE_COLUMNS.items()
    }
    return {
        factor: {name: bca_interval(values[:, place]) for name, values in lists.items()}
        for place, factor in enumerate(factors)
    }


def pattern_figure(profile: str) -> go.Figure:
    """Both halves of the pattern over what the encoder is told, with the published ranges as bands."""
    doses, points = dose(profile), conditions(profile)
    figure = make_subplots(cols=2, horizontal_spacing=0.11)
    for column, (title, names) in enumerate(PANELS.items(), start=1):
        for name, band in names.items():
            _add_line(figure, column, {f: means[name] for f, means in doses.items()}, band)
            _add_band(figure, column, PATTERN[name], band)
            for words, point in points.items():
                if words != "told the truth":
                    _add_point(figure, column, point.told, point.shares[name], band, words)
        figure.update_xaxes(title_text=AXIS, range=[0.74, 1.31], row=1, col=column)
        figure.update_yaxes(title_text=title, tickformat=".0%", row=1, col=column)
        figure.add_vrect(
            *DRAWN, fillcolor=COLOURS["reference"], opacity=0.1, line_width=0, layer="below", row=1, col=column,
            annotation={"text": "told in the published runs", "font": {"size": SMALL}},
            annotation_position="bottom left",
        )  # fmt: skip
    figure.update_layout(showlegend=False)
    return finish(figure, _pattern_alt(points), 330, bottom=60)


def _add_band(figure: go.Figure, column: int, share: Share, band: str) -> None:
    colour = COLOURS[TONES[band]]
    figure.add_hrect(
        share.low, share.high, fillcolor=colour, opacity=0.16, line_width=0, layer="below", row=1, col=column,
        annotation={"text": f"{band}, published", "font": {"size": SMALL, "color": colour}},
        annotation_position="top left",
    )  # fmt: skip


def _add_line(figure: go.Figure, column: int, means: Mapping[float, Interval], band: str) -> None:
    x, colour = list(means), COLOURS[TONES[band]]
    y = [mean.estimate for mean in means.values()]
    up, down = ([abs(getattr(m, end) - m.estimate) for m in means.values()] for end in ("high", "low"))
    figure.add_scatter(
        x=x, y=y, mode="lines+markers", name=band, line={"color": colour, "width": 2.2}, row=1, col=column,
        error_y={"type": "data", "array": up, "arrayminus": down, "thickness": 1, "width": 2},
        hovertemplate=f"{band}, told × %{{x:g}}: %{{y:.0%}}<extra></extra>",
    )  # fmt: skip
    if x:
        figure.add_annotation(
            x=x[-1], y=y[-1], text=band, showarrow=False, xanchor="left", xshift=6, row=1, col=column,
            font={"size": SMALL, "color": colour},
        )  # fmt: skip


def _add_point(figure: go.Figure, column: int, x: float, mean: Interval, band: str, words: str) -> None:
    if not mean.n:
        return
    figure.add_scatter(
        x=[x], y=[mean.estimate], mode="markers", name=words, row=1, col=column,
        marker={"symbol": "star", "size": 13, "color": COLOURS[TONES[band]], "line": {"width": 1, "color": "#222"}},
        error_y={
            "type": "data", "array": [mean.high - mean.estimate], "arrayminus": [mean.estimate - mean.low],
            "thickness": 1, "width": 4,
        },
        hovertemplate=f"{band}, {words}: %{{y:.0%}}<extra></extra>",
    )  # fmt: skip


def _pattern_alt(points: Mapping[str, Point]) -> str:
    said = []
    for words, point in points.items():
        values = [f"{share.words} {percent(point.shares[name].estimate)}" for name, share in PATTERN.items()]
        said.append(f"{words}: {', '.join(values)}")
    return "The four shares of the published pattern over the distance told. " + "; ".join(said) + "."


def pattern_table(profile: str) -> pd.DataFrame:
    """The four shares, published and in both conditions, and whether the pattern is there, as text."""
    points = conditions(profile)
    rows = []
    for name, share in PATTERN.items():
        published = f"{percent(share.low)} to {percent(share.high)}"
        ours = [_percent_interval(point.shares[name]) for point in points.values()]
        rows.append((share.words, published, *ours))
    met = [
        pattern_met(point.shares) if point.shares["high_share"].n else "not measured yet"
        for point in points.values()
    ]
    rows.append(("the pattern is", "", *met))
    return pd.DataFrame(rows, columns=["share", "published", *points])


def _percent_interval(mean: Interval) -> str:
    if not mean.n:
        return "–"
    ends = f" [{number(100 * mean.low, 0)}, {number(100 * mean.high, 0)}]" if mean.known else ""
    return percent(mean.estimate) + ends


def causes(profile: str) -> list[Cause]:
    """Every claim by its published definition in both conditions."""
    return [cause(claim_id, profile) for claim_id in RULES]


def cause_table(profile: str) -> pd.DataFrame:
    """Every claim that was measured in both conditions, with both verdicts and what the distance does, as text."""
    judged = {name: verdicts(name).set_index("claim") for name in (profile, profile + PUBLISHED)}
    rows = []
    for found in causes(profile):
        if found.answer == "not measured yet":
            continue
        digits = 3 if abs(found.published) < 0.1 else 2
        rows.append(
            (
                found.claim,
                judged[profile].loc[found.claim, "quantity"],
                number(found.published, digits),
                mean_and_interval(found.condition, digits),
                mean_and_interval(found.truth, digits),
                f"the wrong distance {found.answer}",
                *(table.loc[found.claim, "verdict"] for table in reversed(judged.values())),
            )
        )
    columns = ("claim", "quantity", "published", "published condition", "told the truth", "cause")
    return pd.DataFrame(rows, columns=[*columns, "verdict, published condition", "verdict, told the truth"])


def unmeasured(profile: str) -> list[str]:
    """Claims that have no number in both conditions yet."""
    return [found.claim for found in causes(profile) if found.answer == "not measured yet"]


def size_figure(profile: str) -> go.Figure:
    """How large each object is drawn over what was told of it, in both conditions."""
    figure = go.Figure()
    for name, words, tone in (
        (profile, "told the truth", "null"),
        (profile + PUBLISHED, "published condition", "real"),
    ):
        table = experiment_table("extent", name)
        if table.empty:
            continue
        figure.add_scatter(
            x=table["told"], y=table["extent"], mode="markers", name=words, marker={"color": COLOURS[tone]},
            text=table["object"], hovertemplate="%{text}<br>told × %{x:.2f}, drawn × %{y:.2f}<extra></extra>",
        )  # fmt: skip
    line = [DRAWN[0], 1.06]
    figure.add_scatter(
        x=line,
        y=line,
        mode="lines",
        name="size follows what is told",
        line={"color": COLOURS["reference"], "dash": "dot"},
    )
    figure.update_xaxes(title_text=AXIS)
    figure.update_yaxes(title_text="size drawn, over the true one")
    alt = "Size that each object is drawn at, over the true one, against the distance told over the true one."
    return finish(figure, alt, 300)


def extents(profile: str) -> dict[str, Interval]:
    """Size drawn over the true one, mean over objects, by condition."""
    tables = {
        "truth": experiment_table("extent", profile),
        "published": experiment_table("extent", profile + PUBLISHED),
    }
    return {name: UNKNOWN if t.empty else interval_of(t, "extent") for name, t in tables.items()}


def answer(profile: str) -> str:
    """What was found, in at most 60 words of Markdown."""
    points, doses = conditions(profile), dose(profile)
    truth, condition = (point.shares for point in points.values())
    if not condition["high_share"].n or not doses:
        return "Not measured yet."
    met, farthest = pattern_met(condition), max(doses)
    if met == "not there" and not all(_nearer(condition, truth, name) for name in PATTERN):
        met = "not there, not even towards"
    told = {
        "Told distances as in the published runs": condition,
        "Told the truth": truth,
        f"Told {farthest:g} times the truth": doses[farthest],
    }
    said = [say(TEXT, met), *(_told(words, shares) for words, shares in told.items())]
    return "\n\n".join([" ".join(said), repair.answer(profile)]).strip()


def _nearer(condition: Mapping[str, Interval], truth: Mapping[str, Interval], name: str) -> bool:
    """Whether a share is nearer to the published range in the published condition than told the truth."""
    share = PATTERN[name]
    away = [max(share.low - m[name].estimate, m[name].estimate - share.high, 0.0) for m in (condition, truth)]
    return away[0] < away[1]


def _told(words: str, shares: Mapping[str, Interval]) -> str:
    low, high = (percent(shares[name].estimate) for name in ("low_correction", "high_correction"))
    return say(TEXT, "told", condition=words, low=low, high=high)


def missing_text(profile: str) -> str:
    """Which claims have not been measured in the published condition."""
    missing = unmeasured(profile)
    return f"Not measured in the published condition yet: {', '.join(missing)}." if missing else ""


def make_records(profile: str, objects: Sequence[str] | None, refresh: bool, device: str) -> None:
    """Make the records of the pattern in the published condition, and the sizes in both, that are missing."""
    for name, experiments in {profile: ("extent",), profile + PUBLISHED: (*EXPERIMENTS, "extent")}.items():
        for experiment in experiments:
            page.make_records(experiment, name, refresh, objects, device)


def agrees(
    table: pd.DataFrame,
    name: str,
    seed: int,
    shares: Mapping[str, Float[Tensor, "bands"]],
    removed: Sequence[Float[Tensor, ""]],
) -> bool:
    """Whether what a reader computed by hand is what the stored record of the object says; True without a record.

    Args:
        shares: in the low, mid and high band, "told" 0.8 of the true distance and "true".
        removed: error that correcting the low band removes, in the same order.

    Raises:
        AssertionError: naming the number, if one is more than 0.01 away.
    """
    row = page.stored_row(table, name, seed)
    if not row:
        return True
    factors = list(row["factors"])
    for (told, mine), gone in zip(shares.items(), removed, strict=True):
        place = factors.index(0.8 if told == "told" else 1.0)
        for column, value in (
            ("residual.published_low", mine[0]),
            ("residual.published_high", mine[-1]),
            ("residual.low_to_reference", gone),
        ):
            stored = row[column][place]
            assert abs(float(value) - stored) < AGREE, (
                f"{column}, {told}: {float(value):.4f}, stored {stored:.4f}"
            )
    return True


@torch.no_grad()
def pictures(chapter: page.Chapter) -> str:
    """A held-out view of the object as it is predicted by what the encoder is told, beside the truth, as HTML."""
    seen = heldout_views(chapter.item, 1)
    shown = {"the truth": seen.images[0]}
    for factor in get_experiment(DOSE).configuration(chapter.plan).factors:
        planes = predicted_planes(chapter.model, replace(chapter.item, told=factor))
        image = render_images(chapter.model, planes, seen.cameras, seen.images.shape[-1])[0].cpu()
        shown["told the truth" if factor == 1 else f"told × {factor:g}"] = image
    return image_row(shown, f"{chapter.item.name}, held-out view", width=160)


def rule_text() -> str:
    """The rules of cause and pattern, as Markdown."""
    return say(TEXT, "rule", most=f"{MOST:.0%}", slack=f"{SLACK:g}", near=f"{NEAR:g}")
