"""Figures and sentences of the chapter on a second renderer of the same objects."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.evidence.experiments.e00_model import model_scores
from lrm_core.evidence.headlines import HEADLINES
from lrm_core.evidence.live import Live
from lrm_core.evidence.oracles import heldout_views, predicted_planes, render_images
from lrm_core.evidence.renderers import CASTER, CLAIMS, CYCLES, Comparison, both, compare
from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.runner import load_item, record_all
from lrm_core.evidence.statistics import Interval, bca_interval, per_object
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.profiles import get_profile
from lrm_core.show.elements import prose
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import listed, mean_and_interval, number
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.show.findings import stored_verdict

QUALITY = "e00_model"
EXPERIMENTS = sorted({RULES[claim].experiment for claim in CLAIMS} | {QUALITY})
LABELS = {CASTER: "ray caster", CYCLES: "Cycles"}
MEASURES = {
    "model.novel.psnr": ("PSNR in novel views (dB)", 1),
    "gain": ("PSNR over the best guess without a model (dB)", 1),
    "model.novel.lpips": ("LPIPS in novel views", 3),
    "model.novel.iou": ("IoU of the masks in novel views", 3),
}
LIVE_ENTRIES = {
    "model.source.psnr": "PSNR in the source view (dB)",
    "model.novel.psnr": "PSNR in novel views (dB)",
    "model.novel.lpips": "LPIPS in novel views",
    "model.novel.iou": "IoU of the masks in novel views",
}


def comparisons(refresh: bool = False) -> list[Comparison]:
    """Every claim that both renderings have enough objects for; with `refresh` the records of Cycles are made again.

    Raises:
        FileNotFoundError: with `refresh`, if the objects are missing.
    """
    if refresh:
        record_all(CYCLES, EXPERIMENTS, refresh=True)
    return [found for claim in CLAIMS if (found := compare(claim))]


def quality_table() -> pd.DataFrame:
    """Measures of the model by each rendering, one row per object, with columns such as "cycles.gain"."""
    tables = both(QUALITY)
    columns = {f"{name}.{m}": per_object(t, m) for name, t in tables.items() if len(t) for m in MEASURES}
    return pd.DataFrame(columns).rename_axis("object").reset_index()


def records(found: Sequence[Comparison]) -> pd.DataFrame:
    """Every record that the comparisons and the table of quality rest on."""
    names = {RULES[one.claim].experiment for one in found} | {QUALITY}
    return pd.concat([table for name in sorted(names) for table in both(name).values()])


def live(device: str, stored: pd.DataFrame) -> Live:
    """The quality of the model on the first path-traced object computed now, with the stored one.

    Args:
        stored: by `live_record`.
    """
    plan = get_profile(CYCLES)
    model = load_model(plan.model, device=device).eval()
    scores = model_scores(model, load_item(plan, _folders(CYCLES)[0]))
    found = None if stored.empty else {name: float(stored[name].iloc[0]) for name in LIVE_ENTRIES}
    return Live({"model": scores}, found)


def live_record(records: pd.DataFrame) -> pd.DataFrame:
    """The stored record that `live` is compared with."""
    of_cycles = (records["experiment"] == QUALITY) & (records["provenance.profile"] == CYCLES)
    return records[of_cycles & (records["object"] == _folders(CYCLES)[0].name)]


def pictures(device: str) -> str:
    """Source view and a held-out view of one object by each renderer, and what the model makes of them, as HTML."""
    name = _folders(CYCLES)[0].name
    model = load_model(get_profile(CYCLES).model, device=device).eval()
    plans = {label: get_profile(profile) for profile, label in LABELS.items()}
    items = {label: load_item(plan, plan.object_folder(name)) for label, plan in plans.items()}
    return "".join(image_row(_views(model, item, label), name, 150) for label, item in items.items())


@torch.no_grad()
def _views(model: LRM, item: RenderedObject, label: str) -> dict[str, Float[Tensor, "3 h w"]]:
    seen = heldout_views(item, 1)
    planes = predicted_planes(model, item)
    rendered = render_images(model, planes, seen.cameras, seen.images.shape[-1])[0].cpu()
    return {
        f"source view, {label}": item.images[0],
        f"held-out view, {label}": seen.images[0],
        f"reconstructed from the source view, {label}": rendered,
    }


def quality_figure(table: pd.DataFrame) -> go.Figure:
    """Each measure of the model, every object by both renderings."""
    panels = [Panel(words, _rows(measure)) for measure, (words, _) in MEASURES.items()]
    means = "; ".join(
        f"{words} {_mean(table, CASTER, measure, digits)} by the ray caster and "
        f"{_mean(table, CYCLES, measure, digits)} by Cycles"
        for measure, (words, digits) in MEASURES.items()
    )
    return strips(table, _groups(table["object"]), panels, f"Means over {len(table)} objects: {means}.")


def claims_figure(found: Sequence[Comparison]) -> go.Figure:
    """The audited number of each claim, every object by both renderings."""
    columns = {f"{name}.{one.claim}": one.values[name] for one in found for name in LABELS}
    table = pd.DataFrame(columns).rename_axis("object").reset_index()
    panels = [Panel(f"{one.claim}: {_audited(one.claim)}", _rows(one.claim)) for one in found]
    alt = " ".join(
        f"{one.claim}: {number(one.caster.audited.estimate)} by the ray caster and "
        f"{number(one.cycles.audited.estimate)} by Cycles."
        for one in found
    )
    return strips(table, _groups(table["object"]), panels, alt)


def _audited(claim: str) -> str:
    """What the audited number of a claim is, as an axis names it."""
    headline = HEADLINES[claim]
    return f"{headline.quantity}; {headline.audited}" if headline.audited else headline.quantity


def _rows(quantity: str) -> list[Row]:
    return [Row(label, f"{name}.{quantity}") for name, label in LABELS.items()]


def comparison_table(found: Sequence[Comparison]) -> pd.DataFrame:
    """Both verdicts of every claim with the paired difference, as text."""
    rows = [
        (
            one.claim,
            one.caster.case.verdict,
            one.cycles.case.verdict,
            number(one.caster.audited.estimate, 3),
            mean_and_interval(one.difference, 3),
            number(one.spread, 3),
            one.answer,
        )
        for one in found
    ]
    names = ["claim", "verdict, ray caster", "verdict, Cycles", "audited, ray caster"]
    return pd.DataFrame(rows, columns=[*names, "difference", "spread of objects", "finding"])


def finding(found: Sequence[Comparison], table: pd.DataFrame) -> str:
    """What the comparison says, in words and numbers."""
    if not found:
        return "There are no records of the second rendering."
    missing = [claim for claim in CLAIMS if claim not in {one.claim for one in found}]
    left = (
        f" Not compared, for want of records or of objects with a number: {listed(missing)}."
        if missing
        else ""
    )
    named = {answer: [one.claim for one in found if one.answer == answer] for answer in _ANSWERS}
    parts = [f"{words} {listed(named[answer])}" for answer, words in _ANSWERS.items() if named[answer]]
    psnr, lpips = (_difference(table, measure) for measure in ("model.novel.psnr", "model.novel.lpips"))
    return (
        f"Judged on the same {len(found[0].values)} objects, {'; '.join(parts)}. Over the {len(table)} objects that "
        "both rendered, Cycles less ray caster, the model's PSNR in novel views changes by "
        f"{mean_and_interval(psnr)} dB and its LPIPS by {mean_and_interval(lpips, 3)}.{left}{_few(found)}"
    )


def _few(found: Sequence[Comparison]) -> str:
    """Which claims get another verdict than on the scorecard from these objects, by the ray caster alone."""
    other = [one.claim for one in found if one.caster.case.verdict != stored_verdict(one.claim, CASTER)]
    return (
        f" So few objects are weak evidence: by the ray caster alone they give {listed(other)} another verdict than "
        "the scorecard, which rests on all."
        if other
        else ""
    )


def reproduce(notebook: str) -> str:
    """The commands that make the second rendering, its records and the chapter, as Markdown."""
    folder = f"data/{get_profile(CYCLES).objects[0]}"
    names = " ".join(f"--experiment {name}" for name in EXPERIMENTS)
    more = {
        "the second rendering": ".venv/bin/lrm render data/objects/glb --engine cycles --resolution 256 "
        f"--out {folder} --blender-python PYTHON",
        "its records": f".venv/bin/lrm records --profile {CYCLES} {names}",
        "another chapter on these objects": prose.chapter_command(CYCLES, "02"),
    }
    return prose.reproduce(CASTER, notebook, more)


_ANSWERS = {
    "depends on the renderer": "another verdict is reached with Cycles for",
    "another size": "the verdict is the same but the number moves by more than objects differ for",
    "the same": "by the rule above no dependence on the renderer is shown for",
}


def _difference(table: pd.DataFrame, measure: str) -> Interval:
    return bca_interval((table[f"{CYCLES}.{measure}"] - table[f"{CASTER}.{measure}"]).to_numpy())


def _mean(table: pd.DataFrame, name: str, measure: str, digits: int) -> str:
    return number(table[f"{name}.{measure}"].mean(), digits)


def _groups(objects: Sequence[str]) -> dict[str, str]:
    return dict.fromkeys(objects, "real")


def _folders(profile: str) -> list[Path]:
    return get_profile(profile).object_folders()
