"""Four pictures that turn together: an object, its prediction, and that less its coarse or its fine error."""

import base64
from collections.abc import Sequence
from functools import cache
from html import escape
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.data_url import data_url
from lrm_core.findings import c04
from lrm_core.findings.prose import percent
from lrm_core.findings.verdicts import experiment_table
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import oracle, predicted_planes, render_images, split_views
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.page.embedded import VIEWER_JS, data_script, joined
from lrm_core.page.explorables.widget import check_side
from lrm_core.page.viewer import POSTER_SIDE, check_field, pack
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.runner import load_item
from lrm_core.spectral import split_residual

EXPERIMENT = c04.RULE.experiment
PROFILE = "mini"  # whose model and objects are in the repository, whatever profile the book is built for
SEED = 0
FIRST_SEEN = (-55.0, 20.0)  # degrees: the held-out view nearest to it is shown first
PICTURES = {"object": "Object", "prediction": "Prediction", "coarse": "Coarse corrected", "fine": "Fine corrected"}
TURNING_JS = "\n".join((VIEWER_JS, joined("explorables", "fft", "bands"), joined("front", "turning")))


@cache
def turning() -> str:
    """The four pictures of both objects as HTML with their script; without it four still pictures of the first."""
    plan = get_profile(PROFILE)
    model = load_model(plan.model).eval().requires_grad_(False)
    config = get_experiment(EXPERIMENT).configuration(plan)
    table = experiment_table(EXPERIMENT, PROFILE)
    typical, contrary = shown_objects(PROFILE)
    labels = {typical: "Typical object", contrary: "Strongest exception"}
    objects = [_content(plan, model, name, label, table) for name, label in labels.items()]
    figures = "".join(_figure(name, objects[0]) for name in PICTURES)
    choices = "".join(
        f'<button type="button" aria-pressed="{str(not at).lower()}">{escape(one["label"])}</button>'
        for at, one in enumerate(objects)
    )
    return (
        '<div class="lrm-first-look" data-stage="poster">'
        f'<div class="lrm-turn-bar" role="group" aria-label="Object" hidden>{choices}</div>'
        f'<div class="lrm-turn-row">{figures}</div>'
        '<div class="lrm-turn-bar" hidden><span>Drag one picture: all four turn.</span>'
        '<button type="button" aria-pressed="false">Show the oracle instead</button>'
        '<a href="../notebooks/14_own_picture.html#own-picture">Try your own picture</a></div></div>'
        f"{data_script({'objects': objects, 'cutoff': config.published_cutoff}, 'turn')}"
        f'<script type="module">{TURNING_JS}</script>'
    )


def shown_objects(profile: str) -> tuple[str, str]:
    """`chosen` among the real objects of a profile by its records; raises as `experiment_table`."""
    real = [path.name for path in get_profile(profile).object_folders() if path.parent.name == "real"]
    return chosen(experiment_table(EXPERIMENT, profile), real)


def chosen(table: pd.DataFrame, real: Sequence[str]) -> tuple[str, str]:
    """The example of the chapter on C4, and the object with the least lead of coarse over fine.

    The table holds the records of C4; of the `real` objects to choose from it is the first two where none is in it.
    """
    measured = table[table["object"].isin(real)] if len(table) else table
    if measured.empty:
        return real[0], real[1]
    groups = {name: "real" if name in real else "procedural" for name in table["object"]}
    least = measured.sort_values(c04.MARGIN["truth"])["object"].iloc[0]
    return c04.FINDING.example(table, groups), least


def _figure(name: str, first: dict[str, Any]) -> str:
    alt = escape(f"{first['name']}: {PICTURES[name]}")
    return (
        f'<figure data-picture="{name}"><div class="lrm-turn-frame"><img src="{first["posters"][name]}" '
        f'alt="{alt}"></div><figcaption><strong>{PICTURES[name]}</strong> '
        f"<span>{escape(first['said'][name])}</span></figcaption></figure>"
    )


@torch.no_grad()
def _content(plan: Profile, model: LRM, name: str, label: str, table: pd.DataFrame) -> dict[str, Any]:
    item, config = load_item(plan, plan.object_folder(name)), get_experiment(EXPERIMENT).configuration(plan)
    predicted = predicted_planes(model, item)
    correction = oracle(model, item, "predicted", config.oracle, SEED).planes - predicted
    check_field(predicted, model.decoder)
    check_side(predicted)
    packed = pack({"predicted": (predicted, 2), "correction": (correction, 2)}, model.decoder)
    (up, views), low = upright_views(item), split_residual(correction, config.published_cutoff).low
    start = first_view(item, views)
    fields = {
        "prediction": predicted,
        "coarse": predicted + low,
        "fine": predicted + correction - low,
        "oracle": predicted + correction,
    }
    zoom, camera = closer(item), item.views([start]).cameras.clone()
    camera[:, [16, 20]] *= zoom  # focal lengths
    posters = {key: data_url(render_images(model, planes, camera, POSTER_SIDE)[0]) for key, planes in fields.items()}
    return {
        "name": name,
        "label": label,
        "said": _said(table, name),
        "posters": {"object": data_url(middle(item.images[start], zoom))} | posters,
        "sheet": data_url(torch.cat([*middle(item.images, zoom)], dim=-1), "WEBP", quality=88),
        "up": up,
        "views": views.double().round(decimals=3).tolist(),
        "start": start,
        "focal": float(camera[0, 16]),
        "oracle": f"fitted to {len(split_views(item)[0])} views",
        "tensors": packed.directory,
        "data": base64.b64encode(packed.data).decode(),
    }


def _said(table: pd.DataFrame, name: str) -> dict[str, str]:
    """What correcting does to the error to the truth in unseen views, by picture."""
    rows = table[table["object"] == name] if len(table) else table
    words = {"object": "", "prediction": "from one picture", "coarse": "", "fine": ""}
    for picture, band in (("coarse", "low"), ("fine", "high")) if len(rows) else ():
        gain = float(rows[f"corrections.{band}.truth.improvement"].mean())
        words[picture] = f"{percent(abs(gain))} {'less' if gain > 0 else 'more'} error in this object"
    return words


def upright_views(item: RenderedObject) -> tuple[tuple[float, float], Float[Tensor, "n 3"]]:
    """The views of an object about its own vertical, which a pose normalised by view 0 may have tilted.

    Returned are y and z of the vertical in the normalised world, its x being 0; azimuth, elevation (degrees) and
    distance of every view. ValueError if there is none, or its x is not 0, as it is after a level view 0.
    """
    poses = item.views(list(range(len(item.images)))).cameras[:, :16].reshape(-1, 4, 4).double()
    spread, axes = torch.linalg.svd(poses[:, :3, 0])[1:]
    up = axes[-1] * (poses[:, :3, 1] @ axes[-1]).mean().sign()
    if spread[-1] > 1e-3 or abs(up[0]) > 1e-3:
        raise ValueError(f"{item.name}: expected cameras that are level to one vertical, found {up.tolist()}")
    b, c = float(up[1]), float(up[2])
    x, y, z = poses[:, :3, 3].unbind(1)
    y, z = c * y - b * z, b * y + c * z
    distance = (x**2 + y**2 + z**2).sqrt()
    views = torch.stack([torch.atan2(y, x).rad2deg(), (z / distance).asin().rad2deg(), distance], 1)
    return (b, c), views


def first_view(item: RenderedObject, views: Float[Tensor, "n 3"]) -> int:
    """The held-out view nearest to `FIRST_SEEN`."""
    heldout = split_views(item)[1]
    away = (views[heldout, :2] - torch.tensor(FIRST_SEEN)).norm(dim=1)
    return heldout[int(away.argmin())]


def closer(item: RenderedObject) -> float:
    """By how much the pictures can be cropped about their middle so that every view still holds the object."""
    covered = (item.masks > 0.5).flatten(0, -3).any(0)
    side = covered.shape[-1]
    far = float((torch.nonzero(covered) + 0.5 - side / 2).abs().max())
    return side / (side - 2 * max(int(side / 2 - far - 2), 0))


def middle(images: Float[Tensor, "*n 3 h w"], zoom: float) -> Float[Tensor, "*n 3 k k"]:
    """The middle of pictures, a part of 1 / zoom of their sides."""
    side = images.shape[-1]
    edge = round(side * (1 - 1 / zoom) / 2)
    return images[..., edge : side - edge, edge : side - edge]
