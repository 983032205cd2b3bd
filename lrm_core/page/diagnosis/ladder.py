"""The figures of the chapter on models of growing quality."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.findings.claims import headline
from lrm_core.findings.ladder import BASELINE, CLAIMS, QUALITY, numbers_over_quality, objects, qualities
from lrm_core.findings.prose import number
from lrm_core.findings.verdicts import experiment_table
from lrm_core.fingerprint import sha256
from lrm_core.measure.oracles import heldout_views, predicted_planes, render_images
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.contact_sheets import SheetStore, contact_sheet, picture_at
from lrm_core.page.elements.panels import panels
from lrm_core.page.elements.pictures import cut_to_object, image_row
from lrm_core.page.model_under_study import SHIPPED
from lrm_core.paths import data_dir
from lrm_core.profiles import RUNGS, get_profile
from lrm_core.records.runner import load_item

AXIS = "PSNR in novel views (dB)"
COLOURS_OF = {"told the truth": "procedural", "as published": "real", "moved to the oracle": "null"}


def ladder_figure(profile: str) -> go.Figure:
    """Each claim's number over the quality of the model, with the published one as a line."""
    published = {claim: headline(claim) for claim in CLAIMS}
    every = numbers_over_quality(profile).items()
    numbers = {claim: of for claim, of in every if max(map(len, of.values()), default=0) > 1}
    return panels(numbers, published, AXIS, COLOURS_OF, [BASELINE["psnr"]])


def rungs_sheet() -> tuple[str, bytes]:
    """Name and WebP of `objects` (rows) in the first held-out view: the truth, and as each of `qualities` draws them.

    Raises:
        FileNotFoundError: if the sheet is not there, and the weights to draw it neither.
    """
    tables = [experiment_table(QUALITY, name) for name in qualities().index]
    made_of = pd.concat([table[table["object"].isin(objects())]["fingerprint"] for table in tables])
    name = f"rungs-{sha256(*made_of)[:16]}"
    return name, SheetStore(shipped=data_dir() / SHIPPED).sheet(name, _sheet)


def _sheet() -> bytes:
    plans = [get_profile(name) for name in qualities().index]
    models = [load_model(plan.model).eval() for plan in plans]
    items = (load_item(plans[0], plans[0].object_folder(name)) for name in objects())
    return contact_sheet([_drawn(models, item) for item in items])


@torch.no_grad()
def _drawn(models: Sequence[LRM], item: RenderedObject) -> Float[Tensor, "columns 3 h w"]:
    views = heldout_views(item, 1)
    seen = [render_images(model, predicted_planes(model, item), views.cameras, 128).cpu() for model in models]
    return torch.cat([views.images[:1].cpu(), *seen])


def rungs_pictures() -> str:
    """The first of `objects` of each kind in the truth and as each of `qualities` draws it, as HTML."""
    (_, sheet), shape = rungs_sheet(), (len(objects()), 1 + len(qualities()))
    captions = ["the truth"] + [
        f"{f'{RUNGS[rung]} steps' if rung in RUNGS else 'this book'}, {number(psnr.estimate, 1)} dB"
        for rung, psnr in qualities()["psnr"].items()
    ]
    kinds = {get_profile("mini").object_folder(name).parent.name: name for name in reversed(objects())}
    rows = ""
    for name in sorted(kinds.values()):
        places = ((objects().index(name), at) for at in range(shape[1]))
        shown = {caption: picture_at(sheet, at, shape) for caption, at in zip(captions, places, strict=True)}
        rows += image_row(cut_to_object(shown), name, width=80)
    return rows
