"""Figures and tables of the chapter on the model under study."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from torch import Tensor, nn

from lrm_core import load_model
from lrm_core.evidence.oracles import predicted_planes, render_images
from lrm_core.evidence.runner import load_item
from lrm_core.evidence.statistics import per_object
from lrm_core.evidence.verdicts import experiment_table, intervals
from lrm_core.model.config import BASE, LRMConfig
from lrm_core.model.hashing import model_hash
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.profiles import Profile, get_profile
from lrm_core.show.chapter import make_records
from lrm_core.show.elements import prose
from lrm_core.show.elements.curves import Curve, curves
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import mean_and_interval, number
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.show.elements.style import GROUPS, colour_of
from lrm_core.show.viewer import show_viewer

EXPERIMENT, ORACLE = "e00_model", "e01_oracle"
GUESSES = {
    "model": "the model",
    "nearest_training": "nearest training object",
    "mean_training": "mean training image",
    "white": "white image",
}
MEASURES = {"psnr": ("PSNR", 1), "ssim": ("SSIM", 2), "lpips": ("LPIPS", 2), "iou": ("IoU", 2)}  # digits
ANGLE_STEP = 30  # degrees


@dataclass(frozen=True)
class Study:
    """The model of a profile with what was measured of it.

    Attributes:
        table: current records, one row per object.
        bounds: those of the oracles, which were fitted to some of the objects.
        groups: "real" or "procedural" for each object.
    """

    plan: Profile
    model: LRM
    table: pd.DataFrame
    bounds: pd.DataFrame
    groups: Mapping[str, str]

    def by_group(self) -> dict[str, pd.DataFrame]:
        """The records of each group of objects."""
        group_of = self.table["object"].map(self.groups)
        return {group: self.table[group_of == group] for group in dict.fromkeys(self.groups.values())}


def open_study(
    profile: str, *, objects: Sequence[str] | None = None, refresh: bool = False, device: str = "cpu"
) -> Study:
    """Load the records of the model's quality, making those that are missing (all of them if `refresh`).

    Raises:
        ValueError: if the profile or an object is unknown.
        FileNotFoundError: if the model or the objects are missing.
    """
    plan = get_profile(profile)
    for experiment in (EXPERIMENT, ORACLE):
        make_records(experiment, profile, refresh, objects, device)
    model = load_model(plan.model, device=device).eval().requires_grad_(False)
    groups = {folder.name: folder.parent.name for folder in plan.object_folders(every=True)}
    quality, bounds = (_records(name, profile, model, objects or groups) for name in (EXPERIMENT, ORACLE))
    return Study(plan, model, quality, bounds, groups)


def _records(experiment: str, profile: str, model: LRM, objects: Iterable[str]) -> pd.DataFrame:
    table = experiment_table(experiment, profile, model_hash(model))
    return table[table["object"].isin(list(objects))].reset_index(drop=True)


def architecture_table(study: Study) -> pd.DataFrame:
    """Sizes of the model beside those of OpenLRM base."""
    ours, base = _sizes(study.model.config), _sizes(BASE)
    rows = [(name, ours[name], base[name]) for name in ours]
    return pd.DataFrame(rows, columns=["", f"this model ({study.plan.model})", "OpenLRM 1.1 base"])


def _sizes(config: LRMConfig) -> dict[str, str]:
    with torch.device("meta"):
        model = LRM(config)
    decoder = [layer for layer in model.synthesizer["decoder"].modules() if isinstance(layer, nn.Linear)]
    patches = (config.source_size // config.vit.patch_size) ** 2
    return {
        "parameters": f"{sum(p.numel() for p in model.parameters()):,}",
        "source image": f"{config.source_size} × {config.source_size} pixels",
        "encoder": f"{config.vit.depth} blocks, width {config.vit.embed_dim}, {patches} patches",
        "plane transformer": f"{config.transformer_layers} layers, width {config.transformer_dim}",
        "plane tokens": f"3 × {config.triplane_low_res} × {config.triplane_low_res}",
        "decoder": f"{len(decoder)} linear layers, width {decoder[0].out_features}",
        "triplane": f"3 × {config.triplane_dim} × {config.triplane_high_res} × {config.triplane_high_res}",
        "samples a ray": str(config.rendering_samples_per_ray),
    }


def quality_table(study: Study, views: Literal["novel", "source"]) -> pd.DataFrame:
    """Every measure of every guess in the novel views or in the source view, for each group of objects."""
    rows = []
    for group, mine in study.by_group().items():
        mean = intervals(mine)
        for guess, label in GUESSES.items():
            cells = [
                mean_and_interval(mean(f"{guess}.{views}.{measure}"), digits)
                for measure, (_, digits) in MEASURES.items()
            ]
            rows.append((GROUPS.get(group, group), label, *cells))
    return pd.DataFrame(rows, columns=["objects", "guess", *(label for label, _ in MEASURES.values())])


def quality_figure(study: Study) -> go.Figure:
    """PSNR of every object in novel views and in the source view, for the model and the other guesses."""
    panels = [
        Panel(
            f"PSNR in {words} (dB)",
            [Row(label, f"{guess}.{views}.psnr") for guess, label in GUESSES.items()],
        )
        for views, words in (("novel", "novel views"), ("source", "the source view"))
    ]
    means = {guess: study.table[f"{guess}.novel.psnr"].mean() for guess in GUESSES}
    alt = "PSNR in novel views, mean over objects: " + ", ".join(
        f"{GUESSES[guess]} {value:.1f} dB" for guess, value in means.items()
    )
    return strips(study.table, study.groups, panels, alt)


def angle_figure(study: Study) -> go.Figure:
    """PSNR in a view against its angle to the source view."""
    lines = []
    for group, mine in study.by_group().items():
        for guess, dash in (("model", "solid"), ("mean_training", "dot")):
            angles, values = _by_angle(mine, f"{guess}.novel_views")
            name = f"{GUESSES[guess]}, {GROUPS.get(group, group)}s"
            lines.append(Curve(name, angles, values, colour_of(group), dash, width=2, hover=name))
    alt = "PSNR of the model against the angle between a view and the source view: " + ", ".join(
        f"{y:.1f} dB at {x:.0f} degrees" for x, y in zip(lines[0].x, lines[0].y, strict=True)
    )
    return curves(lines, ("angle to the source view (degrees)", "PSNR (dB)"), alt)


def _by_angle(table: pd.DataFrame, column: str) -> tuple[list[float], list[float]]:
    """Middle of each bin of angles, and the mean over its views."""
    angles, values = (np.concatenate(table[name].map(np.asarray).tolist()) for name in ("angles", column))
    means = pd.Series(values).groupby((angles // ANGLE_STEP).astype(int)).mean()
    return [(bin_ + 0.5) * ANGLE_STEP for bin_ in means.index], means.tolist()


def gallery(study: Study) -> str:
    """The objects of best, median and worst gain over the trivial images: truth and prediction, as HTML."""
    return "".join(
        image_row(_truth_and_prediction(study, item, rank), f"{rank}, {item.name}", width=90)
        for rank, item in by_gain(study).items()
    )


def turn_by_hand(study: Study) -> None:
    """Display the prediction of the median object of the gallery, to be turned and zoomed."""
    item = by_gain(study)["median"]
    show_viewer(
        predicted_planes(study.model, item),
        study.model.decoder,
        f"The predicted triplane of {item.name}, which can be turned.",
        azimuth=-60.0,
        elevation=20.0,
    )


def by_gain(study: Study) -> dict[str, RenderedObject]:
    """The objects of best, median and worst gain over the trivial images."""
    ordered = study.table.sort_values("gain", ascending=False)["object"].tolist()
    chosen = {"best": ordered[0], "median": ordered[len(ordered) // 2], "worst": ordered[-1]}
    folders = {folder.name: folder for folder in study.plan.object_folders(every=True)}
    return {rank: load_item(study.plan, folders[name]) for rank, name in chosen.items()}


def _truth_and_prediction(study: Study, item: RenderedObject, rank: str) -> dict[str, Float[Tensor, "3 h w"]]:
    views = item.views([0, len(item.images) // 3, 2 * len(item.images) // 3])
    predicted = predicted_planes(study.model, item)
    images = render_images(study.model, predicted, views.cameras, item.images.shape[-1])
    pictures = {}
    for place, (truth, image) in enumerate(zip(views.images, images, strict=True)):
        where = "source" if place == 0 else f"novel {place}"
        pictures[f"{rank}: {where}"] = truth
        pictures[f"{rank}: {where}, predicted"] = image
    return pictures


def verdict_sentence(study: Study) -> str:
    """What the records say that the model can do, group by group."""
    return " ".join(_group_sentence(mine, group) for group, mine in study.by_group().items())


def _group_sentence(table: pd.DataFrame, group: str) -> str:
    gain = intervals(table)("gain")
    better = int((per_object(table, "gain") > 0).sum())
    source, novel = (table[f"model.{views}.psnr"].mean() for views in ("source", "novel"))
    nearest = per_object(table, "model.novel.lpips") < per_object(table, "nearest_training.novel.lpips")
    objects = f"{len(table)} {GROUPS.get(group, group)}{'s' if len(table) > 1 else ''}"
    return (
        f"On {objects} it reaches {number(source, 1)} dB in the source view and {number(novel, 1)} dB in novel "
        f"views, {mean_and_interval(gain, 1)} dB more than the better of the white and the mean training image; "
        f"by PSNR it is the better guess for {better} of {len(table)}, by LPIPS better than the nearest training "
        f"object for {int(nearest.sum())}."
    )


def oracle_sentence(study: Study) -> str:
    """How far better planes could take the same decoder, where oracles were fitted."""
    mean = intervals(study.bounds)
    count = study.bounds["object"].nunique()
    return (
        f"How much better planes could be with the same decoder, an oracle shows: planes fitted to many views of the "
        f"object itself. On {count} objects it reaches "
        f"{mean_and_interval(mean('start_predicted.heldout_psnr'), 1)} dB in views held out of the fit, where the "
        f"prediction has {mean_and_interval(mean('predicted.heldout_psnr'), 1)} dB."
    )


def reproduce(study: Study, notebook: str) -> str:
    """The commands that run the chapter again and train the model again, as Markdown."""
    train = ".venv/bin/lrm pretrain --preset mini --pool .cache/pool_views"
    return prose.reproduce(study.plan.name, notebook, {"the embedded model, trained from nothing": train})
