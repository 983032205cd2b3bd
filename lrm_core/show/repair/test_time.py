"""Figures and tables of the chapter on test-time optimisation (E12, claim C9)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float
from torch import Tensor

from lrm_core.evidence.canonical import plain
from lrm_core.evidence.experiments.e12_test_time import (
    RELATIVE,
    VARIANTS,
    Point,
    study_views,
    summary,
    way,
)
from lrm_core.evidence.live import Live
from lrm_core.evidence.oracles import render_images
from lrm_core.evidence.rules_test_time import SPACES
from lrm_core.evidence.verdicts import intervals
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.curves import Curve, curves, mean_lists
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import mean_and_interval, number, percent
from lrm_core.show.elements.style import COLOURS

# Label, colour and dash of each variant, and its published change of L1.
LABELS = {
    "planes": ("planes", "real", "solid"),
    "proximity": ("planes, held near the prediction", "pred", "solid"),
    "low_band": ("low band of the planes", "procedural", "solid"),
    "tokens": ("tokens", "predinit", "solid"),
    "tokens_lpips": ("tokens, with LPIPS in the loss", "random", "dash"),
}
PUBLISHED = {
    "planes": "triplane_unconstrained_l1_change",
    "proximity": "triplane_proximity_l1_change",
    "low_band": "low_frequency_only_l1_change",
    "tokens": "token_space_l1_change",
    "tokens_lpips": "token_space_lpips_l1_change",
}
METRICS = {"l1": "L1", "lpips": "LPIPS", "train_l1": "L1 in training views"}
LIVE_ENTRIES = {
    f"{space}.{entry}": f"{LABELS[space][0]}: {words}"
    for space in SPACES
    for entry, words in {
        "end.l1": "change of L1",
        "end.lpips": "change of LPIPS",
        "end.train_l1": "change of L1 in training views",
        "after_best.lpips": "LPIPS risen since its best step",
    }.items()
}


Ways = Mapping[str, Sequence[Point]]


def optimise_again(chapter: Chapter) -> Ways:
    """The way of the variants that the rule reads, on the chapter's object, computed now."""
    fit = (chapter.model, chapter.item, chapter.configuration, chapter.seed)
    return {space: list(way(*fit, space)) for space in SPACES}


def live(chapter: Chapter, ways: Ways) -> Live:
    """What the record says of these variants, computed now, with what is stored of it."""
    kept = {"end": ("l1", "lpips", "ssim", "train_l1", "gap"), "after_best": ("l1", "lpips", "ssim")}
    changes: dict[str, Any] = {}
    for space, points in ways.items():
        found = summary([point.measured for point in points])
        changes[space] = {part: {name: found[part][name] for name in names} for part, names in kept.items()}
    return Live(plain(changes), chapter.stored_numbers())


def pictures(chapter: Chapter, ways: Ways) -> str:
    """A held-out view at the start, at the best and at the last step of each variant, and the truth, as HTML."""
    seen = study_views(chapter.item, chapter.configuration).heldout

    def draw(point: Point) -> Float[Tensor, "3 h w"]:
        size = seen.images.shape[-1]
        return render_images(chapter.model, point.planes, seen.cameras[:1], size)[0].cpu()

    shown = {"prediction": draw(ways[SPACES[0]][0])}
    for space, points in ways.items():
        best = min(points, key=lambda point: point.measured["lpips"])
        for words, point in (("best", best), ("last", points[-1])):
            shown[f"{LABELS[space][0]}, {words} step ({point.measured['step']})"] = draw(point)
    return image_row(shown | {"the truth": seen.images[0]}, f"{chapter.item.name}, held-out view")


def published_table(published: Mapping[str, Any]) -> pd.DataFrame:
    """Published changes of L1, by what was optimised."""
    rows = [(LABELS[name][0], _range(published[key])) for name, key in PUBLISHED.items()]
    return pd.DataFrame(rows, columns=["optimised", "change of L1, published"])


def compared_table(chapter: Chapter) -> pd.DataFrame:
    """Published changes beside ours at the end."""
    x = intervals(chapter.table)
    rows = [
        {
            "optimised": LABELS[name][0],
            "L1, published": _range(chapter.claim.published[key]),
            "L1, ours": _percents(x, f"{name}.end.l1"),
            "LPIPS, ours": _percents(x, f"{name}.end.lpips"),
            "SSIM, ours": mean_and_interval(x(f"{name}.end.ssim"), 3),
            "PSNR, ours (dB)": mean_and_interval(x(f"{name}.end.psnr"), 1),
        }
        for name, key in PUBLISHED.items()
    ]
    return pd.DataFrame(rows)


def stopped_table(chapter: Chapter) -> pd.DataFrame:
    """Changes where validation views would have stopped."""
    x = intervals(chapter.table)
    rows = [
        (
            label,
            number(x(f"{name}.stopped.step").estimate, 0),
            *(_percents(x, f"{name}.stopped.{metric}") for metric in ("l1", "lpips")),
        )
        for name, (label, _, _) in LABELS.items()
    ]
    return pd.DataFrame(rows, columns=["optimised", "stopped at step", "L1", "LPIPS"])


def path_figure(chapter: Chapter, metric: str) -> go.Figure:
    """Change of a metric since the start in held-out views, against the step: objects and their mean."""
    lines, spoken = [], []
    for name, (label, colour, dash) in LABELS.items():
        steps, changes = _path(chapter.table, name, metric)
        mean = np.mean(list(changes.values()), axis=0)
        lines += [
            Curve(label, steps, values, COLOURS[colour], dash, opacity=0.3, hover=which)
            for which, values in changes.items()
        ]
        lines.append(Curve(label, steps, mean, COLOURS[colour], dash, 3.5, hover=f"{label}, mean"))
        spoken.append(f"{label} {percent(mean[-1])} at step {steps[-1]:.0f}, lowest {percent(mean.min())}")
    alt = f"Change of {METRICS[metric]} along the steps, thick means and thin objects: {'; '.join(spoken)}."
    return curves(lines, ("step", f"change of {METRICS[metric]}, over the start"), alt)


def overfitting_figure(chapter: Chapter) -> go.Figure:
    """Change of L1 in training and in held-out views against the step, mean of the objects."""
    lines, spoken = [], []
    for space in SPACES:
        label, colour, _ = LABELS[space]
        for metric, where, dash in (("train_l1", "training views", "dot"), ("l1", "held-out views", "solid")):
            steps, changes = _path(chapter.table, space, metric)
            mean = np.mean(list(changes.values()), axis=0)
            lines.append(Curve(f"{label}, {where}", steps, mean, COLOURS[colour], dash, 2.5))
            spoken.append(f"{label}, {where} {percent(mean[-1])}")
    alt = "Change of L1 along the steps, mean of the objects; at the last step: " + ", ".join(spoken) + "."
    return curves(lines, ("step", "change of L1, over the start"), alt)


def overfitting_table(chapter: Chapter) -> pd.DataFrame:
    """What the end has lost against the best step, and how far held-out views lag behind the training views."""
    x = intervals(chapter.table)
    rows = [
        {
            "optimised": label,
            "best step by L1": number(x(f"{name}.best.l1").estimate, 0),
            "L1 risen since": _percents(x, f"{name}.after_best.l1"),
            "best step by LPIPS": number(x(f"{name}.best.lpips").estimate, 0),
            "LPIPS risen since": _percents(x, f"{name}.after_best.lpips"),
            "L1 in training views": _percents(x, f"{name}.end.train_l1"),
            "held-out minus training": _percents(x, f"{name}.end.gap"),
        }
        for name, (label, *_) in LABELS.items()
    ]
    return pd.DataFrame(rows)


def settings_sentence(chapter: Chapter) -> str:
    """How the fits of these records were made, and where that is our choice."""
    config, counts = chapter.configuration, study_views(chapter.item, chapter.configuration)
    steps, few = (config.refinement(VARIANTS[name]).iterations for name in ("tokens", "tokens_lpips"))
    dearer = number(config.crop**2 / config.rays_per_step, 0)
    return (
        f"Each object is optimised on {len(counts.train.images)} views, with the source among them, for {steps} "
        f"steps of Adam with the constant rate {config.lr:g}; {len(counts.heldout.images)} held-out views are scored "
        f"and {len(counts.validation.images)} more decide where one would stop. A step sees {config.rays_per_step} "
        f"random rays of all training views. LPIPS needs a picture: with it a step sees a window of {config.crop} "
        f"pixels a side of one view, {dearer} times as many rays, and the number of steps is {few}. The "
        f"batches, and the {few} steps, are ours; so is the form of the proximity, of which no more is published "
        "than its weight."
    )


def _path(
    table: pd.DataFrame, name: str, metric: str
) -> tuple[list[float], dict[str, Float[np.ndarray, "n"]]]:
    """Steps of a variant, and the change of a metric at each for every object."""
    (steps, *_) = mean_lists(table, f"{name}.path.step").values()
    values = mean_lists(table, f"{name}.path.{metric}")
    return steps.tolist(), {
        which: (of - of[0]) / (of[0] if metric in RELATIVE else 1) for which, of in values.items()
    }


def _percents(x: Any, column: str) -> str:
    """Mean change in percent with its interval, where there is one."""
    found = x(column)
    mean = percent(found.estimate)
    return f"{mean} [{percent(found.low)}, {percent(found.high)}]" if found.known else mean


def _range(change: float | Sequence[float]) -> str:
    changes = [change] if isinstance(change, float) else change
    return " to ".join(f"{number(100 * value, 1)}%" for value in changes)
