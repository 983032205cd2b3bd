"""Figures and tables of the chapter on basins (E2, claim C1)."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from lrm_core.evidence.claims import published_setup
from lrm_core.evidence.metrics import channel_correlation
from lrm_core.evidence.oracles import Start, render_images, split_views
from lrm_core.evidence.rules import C1_FEATURES, C1_MATTER, C1_OURS, FAR, NEAR
from lrm_core.evidence.verdicts import intervals
from lrm_core.fit import fit_oracle
from lrm_core.fit.oracle import OracleFit
from lrm_core.show.chapter import Chapter
from lrm_core.show.elements.curves import Curve, curves, mean_lists
from lrm_core.show.elements.maps import maps
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import mean_and_interval, number
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.show.elements.style import COLOURS, GROUPS, colour_of

PAIRS = {
    "pred_vs_random": "prediction and oracle from noise",
    "pred_vs_predinit": "prediction and oracle from it",
    "random_vs_predinit": "the two oracles",
}
MEASURES = {"channel_correlation": "correlation", "l1": "mean abs. difference", "best_scale": "best scale"}
STARTS: dict[Start, tuple[str, str]] = {
    "predicted": ("oracle from the prediction", "predinit"),
    "random": ("oracle from noise", "random"),
}
READINGS = {
    C1_OURS: "over all texels, as published",
    C1_MATTER: "over texels that the object occupies",
    C1_FEATURES: "behind the decoder's first layer",
}
LIVE_ENTRIES = {
    C1_OURS: "correlation of the oracles, all texels",
    C1_MATTER: "the same, texels that the object occupies",
    C1_FEATURES: "the same, behind the first layer",
    "heldout.psnr.predinit": "oracle from the prediction, dB to truth",
    "heldout.psnr.random": "oracle from noise, dB to truth",
    "heldout.psnr_between.random_vs_predinit": "one oracle to the other, dB",
    "path.barrier": "loss on the line between them, dB",
}
SHORT_FIT = 60  # steps
TICKS = (1, 3, 10, 30, 100, 300, 1000, 3000)  # steps


def published_table(published: dict[str, Any]) -> pd.DataFrame:
    """The published distances of each pair."""
    rows = [
        {"pair": PAIRS[pair]}
        | {label: number(published[pair].get(key), 3) for key, label in MEASURES.items()}
        for pair in PAIRS
    ]
    return pd.DataFrame(rows)


def compared_table(chapter: Chapter) -> pd.DataFrame:
    """Published distances beside ours, by the published and by the audited definition."""
    x, published = intervals(chapter.table), chapter.claim.published
    rows = [
        (
            PAIRS[pair] if key == next(iter(MEASURES)) else "",
            label,
            number(published[pair].get(key)),
            mean_and_interval(x(f"published.{pair}.{key}")),
            mean_and_interval(x(f"audited.{pair}.{key}")),
        )
        for pair in PAIRS
        for key, label in MEASURES.items()
    ]
    columns = ["pair", "distance", "published", "ours, all texels", "ours, texels of the object"]
    return pd.DataFrame(rows, columns=columns)


def alike_and_apart(chapter: Chapter) -> go.Figure:
    """How close the oracles are as pictures, and how close as numbers, for every object."""
    published = chapter.claim.published["random_vs_predinit"]["channel_correlation"]
    pictures = Panel(
        "PSNR in held-out views (dB): to the right is closer",
        (
            Row("prediction, to the truth", "heldout.psnr.pred"),
            Row("oracle from the prediction, to the truth", "heldout.psnr.predinit"),
            Row("oracle from noise, to the truth", "heldout.psnr.random"),
            Row("one oracle, to the other", "heldout.psnr_between.random_vs_predinit"),
        ),
    )
    numbers = Panel(
        "correlation of the two oracles: to the right is closer",
        [
            Row(label, column, {"published": published} if column == C1_OURS else {})
            for column, label in READINGS.items()
        ],
        {"far": FAR, "near": NEAR},
    )
    x = intervals(chapter.table)
    alt = (
        "Points for every object in seven rows. As pictures, the oracles are on average "
        f"{number(x('heldout.psnr_between.random_vs_predinit').estimate, 1)} decibels close to each other, the "
        f"prediction {number(x('heldout.psnr.pred').estimate, 1)} to the truth. As numbers they correlate by "
        f"{number(x(C1_OURS).estimate)} over all texels, {number(x(C1_MATTER).estimate)} over those of the object "
        f"and {number(x(C1_FEATURES).estimate)} behind the first layer."
    )
    return strips(chapter.table, chapter.groups, (pictures, numbers), alt)


def line_between(chapter: Chapter) -> go.Figure:
    """PSNR along the straight line from one oracle to the other, for every object."""
    positions, scores = (mean_lists(chapter.table, f"path.{name}") for name in ("t", "psnr"))
    lines = [
        Curve(
            GROUPS.get(group, group),
            positions[name],
            scores[name],
            colour_of(group),
            opacity=0.55,
            hover=name,
        )
        for name, group in chapter.groups.items()
        if name in scores
    ]
    mean = np.mean(list(scores.values()), axis=0)
    lines.append(Curve("mean", next(iter(positions.values())), mean, COLOURS["reference"], width=4))
    barrier = number(intervals(chapter.table)("path.barrier").estimate, 1)
    alt = f"One curve per object from the oracle of the noise to that of the prediction; it sags by {barrier} dB."
    return curves(lines, ("way from one oracle (0) to the other (1)", "PSNR to the truth (dB)"), alt)


@torch.no_grad()
def pictures(chapter: Chapter) -> str:
    """Source view, then a held-out view of the truth, the prediction and both oracles, as HTML."""
    item, view = chapter.item, split_views(chapter.item)[1][0]
    camera, size = item.cameras()[view : view + 1], item.images.shape[-1]
    triplanes = {"prediction": chapter.predicted}
    triplanes |= {label: chapter.oracle(start).planes for start, (label, _) in STARTS.items()}
    renders = {
        label: render_images(chapter.model, planes, camera, size)[0] for label, planes in triplanes.items()
    }
    images = {"source view": item.images[0], "held-out view, truth": item.images[view], **renders}
    return image_row(images, item.name)


def one_channel(chapter: Chapter) -> go.Figure:
    """The same channel of the same plane in both oracles: the one of median correlation."""
    a, b = (chapter.oracle(start).planes.cpu() for start in STARTS)
    correlation = channel_correlation(a, b)[0]
    channel = int(correlation.argsort()[len(correlation) // 2])
    titles = [label.replace("oracle ", "") for label, _ in STARTS.values()]
    images = {title: planes[0, channel].numpy() for title, planes in zip(titles, (a, b), strict=True)}
    alt = (
        "Two square maps of one channel, one from each oracle; their correlation is "
        f"{number(float(correlation[channel]))}, the median of the plane's channels."
    )
    return maps(images, alt, "value")


def oracle_sentence(chapter: Chapter) -> str:
    """How the oracles of this page are fitted, beside the published fits."""
    ours, theirs = chapter.oracle_config, published_setup()["oracle"]
    views = (
        f"{ours.views_per_step} whole views" if ours.views_per_step else f"{ours.rays_per_step:,} random rays"
    )
    here = f"Here Adam takes {ours.iterations:,} steps of {views}; its learning rate falls from {ours.lr:g} along a "
    there = (
        f"cosine to a hundredth of that, and its ε is {ours.eps:g}. The published fit takes "
        f"{theirs['iterations']:,} steps of {theirs['views_per_iteration']} whole views, from {theirs['lr']:g}."
    )
    if ours.lr == theirs["lr"]:
        return here + there
    return (
        f"{here}{there} On this model the published rate leaves an oracle far from where more steps would take it. A "
        "higher one alone makes texels wander that the views say little about; the larger ε keeps those in place. "
        "[Chapter 2](02_residual_spectrum.ipynb) measures what the rate comes to."
    )


def short_fit(chapter: Chapter, start: Start) -> OracleFit:
    """The first steps of a fit from one start, computed now, with its own short schedule."""
    config, item = chapter.oracle_config, chapter.item
    train = item.views(split_views(item)[0])
    noise = torch.randn(chapter.predicted.shape, generator=torch.Generator().manual_seed(chapter.seed))
    begin = (
        config.random_scale * noise.to(chapter.predicted.device) if start == "random" else chapter.predicted
    )
    return fit_oracle(
        begin,
        chapter.model.decoder,
        train,
        iterations=min(SHORT_FIT, config.iterations),
        lr=config.lr,
        eps=config.eps,
        rays_per_step=config.rays_per_step,
        views_per_step=config.views_per_step,
        samples_per_ray=chapter.model.config.rendering_samples_per_ray,
        seed=chapter.seed,
        progress=False,
    )


def fitting(chapter: Chapter) -> go.Figure:
    """PSNR on the rays of a step while the oracles were fitted, and in the short fits computed now."""
    lines = []
    for start, (label, colour) in STARTS.items():
        for history, dash, suffix in (
            (chapter.oracle(start).history, "solid", ""),
            (short_fit(chapter, start).history, "dot", ", short fit now"),
        ):
            steps, scores = history["step"], history["train_psnr"]
            lines.append(Curve(label + suffix, steps, scores, COLOURS[colour], dash, 2.5, hover=label))
    alt = (
        "PSNR on the training rays of a step against the step of the fit, from both starts, for the stored fits "
        "and for short ones made now."
    )
    return curves(lines, ("step of the optimiser", "PSNR on its rays (dB)"), alt, log_ticks=TICKS)
