"""Error painted on objects, with what the source does not see outlined (claim C7)."""

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from lrm_core.data_url import data_url
from lrm_core.findings.c07 import TRUTH
from lrm_core.findings.figures import window
from lrm_core.findings.prose import number
from lrm_core.measure.geometry import triplane_geometry, true_geometry
from lrm_core.measure.oracles import predicted_planes, render_planes, split_views
from lrm_core.measure.surface import COVERED, DEPTH_TOLERANCE
from lrm_core.page.chapter import switch
from lrm_core.page.finding_page import Chapter
from lrm_core.records.runner import load_item
from lrm_core.records.statistics import per_object

OBJECTS, VIEWS = 6, 8
FINER = 3  # pixels of a painted picture along one of the view
PAINT, LINE = torch.tensor([0.84, 0.37, 0.0]), torch.tensor([0.0, 0.36, 0.70])
LARGEST = 0.98  # of the errors of all objects: the quantile at which the paint covers
BEHIND = "the source view; and in this view the truth, the prediction and its error"
ROW = "display:grid;gap:0.6rem;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr))"
HALF = 0.5  # of the surface in view, which the source should see of it


@dataclass(frozen=True)
class Look:
    """One held-out view of an object."""

    source: Float[Tensor, "3 h h"]
    truth: Float[Tensor, "3 h h"]
    prediction: Float[Tensor, "3 h h"]
    mask: Float[Tensor, "h h"]
    error: Float[Tensor, "h h"]  # of the prediction, mean of the channels, 0 where the object is not alone in a pixel
    hidden: Bool[Tensor, "h h"]  # whether the source does not see what a pixel shows


def painted_objects(chapter: Chapter) -> tuple[str, pd.DataFrame]:
    """Six objects from the least to the greatest ratio; whichever is chosen also as the pictures behind its own."""
    chosen = spread(chapter.table, chapter.groups, OBJECTS)
    looks = {name: look(chapter, name) for name in chosen}
    errors = torch.cat([torch.ones(1), *(of.error[of.error > 0] for of in looks.values())])
    full = float(errors.quantile(LARGEST))
    panels = {name: _panel(name, ratio, looks[name], full) for name, ratio in chosen.items()}
    columns = "repeat(auto-fill,minmax(max(150px,30%),1fr))"
    html = switch("lrm-painted", panels, columns, "Object whose pictures are displayed below")
    columns = [f"audited.truth.sight.{entry}" for entry in ("ratio", "hidden_share", "visible", "hidden")]
    means = chapter.table.groupby("object")[columns].mean().loc[list(chosen)]
    return html, means.rename(columns=lambda name: name.rpartition(".")[2]).reset_index()


def spread(table: pd.DataFrame, groups: dict[str, str], count: int) -> dict[str, float]:
    """At most so many real objects (any, if there is none) at even ranks of their ratio to the truth."""
    ratios = per_object(table, TRUTH).sort_values()
    real = [name for name in ratios.index if groups[name] == "real"] or list(ratios.index)
    ranks = np.unique(np.linspace(0, len(real) - 1, min(count, len(real))).round().astype(int))
    return {real[rank]: float(ratios[real[rank]]) for rank in ranks}


@torch.no_grad()
def look(chapter: Chapter, name: str) -> Look:
    """Of an object's held-out views the one of which the source sees nearest to half.

    Where the true object cannot be made again, the depth of the prediction says what the source sees.
    """
    item = load_item(chapter.plan, chapter.plan.object_folder(name))
    views = [0, *split_views(item)[1][:VIEWS]]
    planes, size, cameras = predicted_planes(chapter.model, item), item.images.shape[-1], item.cameras()
    geometry = true_geometry(item, views) or triplane_geometry(
        cameras[views], render_planes(chapter.model, planes, cameras[views], size), DEPTH_TOLERANCE
    )
    shown = (item.masks[views, 0] >= COVERED) & geometry.depth.isfinite()
    seen = (shown & geometry.visible).sum((1, 2)) / shown.sum((1, 2)).clamp(min=1)
    at = 1 + int((seen[1:] - HALF).abs().argmin())
    truth, mask = item.images[views[at]], item.masks[views[at], 0]
    seen = render_planes(chapter.model, planes, cameras[views[at]][None], size).rgb[0].cpu()
    error = (seen - truth).abs().mean(0) * shown[at]
    return Look(item.images[0], truth, seen, mask, error, shown[at] & ~geometry.visible[at])


def paint(one: Look, full: float) -> Float[Tensor, "4 k k"]:
    """The object cut out, pale under its error, which covers from `full` on, with the hidden part outlined."""
    grey = 0.45 + 0.55 * one.truth.mean(0)
    amount = (one.error / full).clamp(0, 1)
    colours = grey * (1 - amount) + PAINT[:, None, None] * amount
    picture = torch.cat([colours, one.mask[None]])
    square = window(one.mask > 0)
    finer = interpolate(picture[None][..., *square], scale_factor=FINER, mode="bilinear")[0]
    count = avg_pool2d(one.hidden[square].float()[None, None], 5, stride=1, padding=2)  # single pixels do not count
    inside = (interpolate(count, scale_factor=FINER, mode="bilinear") > HALF).float()
    edge = (max_pool2d(inside, 3, 1, 1) - (1 - max_pool2d(1 - inside, 3, 1, 1)))[0, 0] > 0
    finer[:3] = torch.where(edge, LINE[:, None, None], finer[:3])
    finer[3] = torch.where(edge, 1.0, finer[3])
    return finer


def _panel(name: str, ratio: float, one: Look, full: float) -> tuple[str, str]:
    """The painted object with its ratio, and the pictures behind it, as HTML."""
    plain = escape(name.removeprefix("cc0_"))
    alt = f"{plain}: error in orange, what the source does not see outlined in blue"
    tile = (
        f'<img src="{data_url(paint(one, full))}" alt="{alt}" style="width:100%;aspect-ratio:5/4;object-fit:contain">'
        f"<strong>{number(ratio, 1)} times</strong> {plain}"
    )
    error = 1 - (one.error / full).clamp(0, 1).expand(3, -1, -1)
    square = window(one.mask > 0)
    shown = [one.source, *(image[:, *square] for image in (one.truth, one.prediction, error))]
    pictures = "".join(f'<img src="{data_url(image)}" alt="" style="width:100%">' for image in shown)
    return tile, f'<div role="img" aria-label="{plain}: {BEHIND}" style="{ROW}">{pictures}</div>'


def heat_pictures(heat: Float[Tensor, "3 r r"]) -> dict[str, Float[Tensor, "3 k k"]]:
    """A map for each plane, eight times as large, the darker the larger the value."""
    finer = (1 - heat / heat.max()).cpu().repeat_interleave(8, -1).repeat_interleave(8, -2)
    return {f"plane {name}": of.expand(3, -1, -1) for name, of in zip(("xy", "xz", "zy"), finer, strict=True)}
