"""The model under study and those of growing quality: nine objects, sizes, training objects; the rungs of the ladder.

Pictures of several objects are one contact sheet, filed under the fingerprints of the records that decide it, so that
it stands where the oracles were never fitted.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.data_url import data_url
from lrm_core.findings.claims import headline
from lrm_core.findings.finding import told
from lrm_core.findings.ladder import BASELINE, CLAIMS, numbers_over_quality, objects, qualities
from lrm_core.findings.prose import number
from lrm_core.findings.quality import ORACLE, QUALITY
from lrm_core.findings.verdicts import experiment_table
from lrm_core.fingerprint import sha256
from lrm_core.measure.e00_model import training_view
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import heldout_views, oracle, predicted_planes, render_like
from lrm_core.model.config import BASE, LRMConfig
from lrm_core.model.lrm import LRM
from lrm_core.objects.contact_sheets import SheetStore, contact_sheet, picture_at
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED
from lrm_core.page import chapter as pages
from lrm_core.page.elements.curves import panels
from lrm_core.page.elements.pictures import cut_to_object, image_row
from lrm_core.page.finding_page import Chapter
from lrm_core.paths import data_dir
from lrm_core.profiles import RUNGS, Profile, get_profile
from lrm_core.records.runner import load_item

COUNT = 9
SHIPPED = "mini/oracles"  # in data
PICTURES = ("given", "predicted", "oracle")
TRAINING_OBJECTS, TRAINING_SIZE = 12, 96
TOGETHER = 3  # objects that stand beside each other on a phone
AXIS = "PSNR in novel views (dB)"
COLOURS_OF = {"told the truth": "procedural", "as published": "real", "moved to the oracle": "null"}
STYLE = "display:grid;gap:1rem 0.6rem;align-items:start;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr))"
GROUP = "display:grid;gap:0.3rem;grid-template-columns:1.2rem repeat({},minmax(0,1fr));font-size:0.88rem"
TURNED = "writing-mode:vertical-rl;transform:rotate(180deg);text-align:center"


def nine(plan: Profile) -> pd.DataFrame:
    """Objects with an oracle, evenly spaced in the order of PSNR in novel views, the best first.

    The columns are object, psnr (dB, in novel views) and fingerprint, of the record of the oracle.
    """
    quality, oracles = (experiment_table(name, plan.name) for name in (QUALITY, ORACLE))
    psnr = quality[["object", "model.novel.psnr"]].set_axis(["object", "psnr"], axis=1)
    table = oracles[["object", "fingerprint"]].merge(psnr).sort_values("psnr", ascending=False)
    places = np.linspace(0, len(table) - 1, min(COUNT, len(table))).round().astype(int)
    return table.iloc[places].reset_index(drop=True)


def nine_sheet(plan: Profile, model: LRM, store: SheetStore | None = None) -> tuple[str, bytes]:
    """Name and WebP of the sheet: a row for each object of `nine`, a column for each of `PICTURES`.

    Prediction and oracle are seen from the first held-out view. What is missing is rendered, fitting oracles that
    were not fitted yet, and kept.
    """
    store = store or SheetStore(shipped=data_dir() / SHIPPED)
    chosen = nine(plan)
    name = f"nine-{sha256(*chosen['fingerprint'])[:16]}"
    return name, store.sheet(name, lambda: contact_sheet([_pictures(plan, model, of) for of in chosen["object"]]))


@torch.no_grad()
def _pictures(plan: Profile, model: LRM, name: str) -> torch.Tensor:
    item = load_item(plan, plan.object_folder(name))
    config = get_experiment(ORACLE).configuration(plan).oracle
    fitted = oracle(model, item, "predicted", config, plan.seeds[0]).planes
    view = heldout_views(item, 1)
    seen = [render_like(model, planes, view) for planes in (predicted_planes(model, item), fitted)]
    return torch.cat([item.images[:1], *seen])


def show_nine(chapter: Chapter) -> None:
    """Display `nine` objects, the best first: what was given, predicted, and the oracle below one another."""
    title, _, caption = told(chapter.finding, "figure nine", chapter.table).partition("\n")
    chosen, (_, sheet) = nine(chapter.plan), nine_sheet(chapter.plan, chapter.model)
    shape = (len(chosen), len(PICTURES))
    drawn = []
    for row in chosen.itertuples():
        pictures = {what: picture_at(sheet, (row.Index, at), shape) for at, what in enumerate(PICTURES)}
        drawn.append((row.object, row.psnr, cut_to_object(pictures)))
    figures = "".join(_group(drawn[at : at + TOGETHER]) for at in range(0, len(drawn), TOGETHER))
    about = f'tabindex="0" role="group" aria-label="{escape(title)}" style="{STYLE}"'
    html = f'<p class="lrm-figure-title">{escape(title)}</p><div class="lrm-images" {about}>{figures}</div>'
    caption = f'<div class="lrm-caption" data-name="nine"><p>{escape(caption)}</p></div>'
    pages.show_html(html + caption, chapter.table)


def _group(drawn: Sequence[tuple[str, float, Mapping[str, Float[Tensor, "3 h w"]]]]) -> str:
    """Objects beside each other, with PSNR and pictures: a row for each of `PICTURES`, and one of names."""
    cells = ""
    for what in PICTURES:
        cells += f'<span style="{TURNED}">{what}</span>' + "".join(
            f'<img src="{data_url(pictures[what])}" alt="{escape(f"{name}: {what}")}" style="width:100%">'
            for name, _, pictures in drawn
        )
    names = ""
    for name, psnr, _ in drawn:
        scanned, _, seed = name.removeprefix("cc0_").partition("procedural_")
        short = f"made-up {int(seed) - FIRST_HELD_OUT_SEED}" if seed else scanned.replace("_", " ")
        names += f"<span>{escape(short)}<br>{number(psnr, 1)} dB</span>"
    return f'<div style="{GROUP.format(len(drawn))}">{cells}<span></span>{names}</div>'


def training_pictures() -> str:
    """Source views of the first training objects, as HTML."""
    images = {str(seed): training_view(seed, 0, TRAINING_SIZE, 3) for seed in range(TRAINING_OBJECTS)}
    return image_row(images, "training object", width=120)


def sizes_table(model: LRM) -> pd.DataFrame:
    """Sizes of the model beside those of OpenLRM base, as text."""
    ours, base = _sizes(model.config), _sizes(BASE)
    rows = [(name, ours[name], base[name]) for name in ours]
    return pd.DataFrame(rows, columns=["", "this model", "OpenLRM 1.1 base"])


def _sizes(config: LRMConfig) -> dict[str, str]:
    with torch.device("meta"):
        model = LRM(config)
    return {
        "parameters": f"{sum(p.numel() for p in model.parameters()):,}",
        "source image": f"{config.source_size} × {config.source_size} pixels",
        "encoder": f"{config.vit.depth} blocks, width {config.vit.embed_dim}",
        "plane transformer": f"{config.transformer_layers} layers, width {config.transformer_dim}",
        "triplane": f"3 × {config.triplane_dim} × {config.triplane_high_res} × {config.triplane_high_res}",
    }


def ladder_figure(profile: str) -> go.Figure:
    """Each claim's number over the quality of the model, with the published one as a line."""
    published = {claim: headline(claim) for claim in CLAIMS}
    every = numbers_over_quality(profile).items()
    numbers = {claim: of for claim, of in every if max(map(len, of.values()), default=0) > 1}
    return panels(numbers, published, AXIS, COLOURS_OF, [BASELINE["psnr"]])


def rungs_sheet() -> tuple[str, bytes]:
    """Name and WebP of `objects` (rows) in the first held-out view: the truth, and as each of `qualities` draws them.

    FileNotFoundError if the sheet is not there, and the weights to draw it neither.
    """
    tables = [experiment_table(QUALITY, name) for name in qualities().index]
    made_of = pd.concat([table[table["object"].isin(objects())]["fingerprint"] for table in tables])
    name = f"rungs-{sha256(*made_of)[:16]}"
    return name, SheetStore(shipped=data_dir() / SHIPPED).sheet(name, _rungs_sheet)


@torch.no_grad()
def _rungs_sheet() -> bytes:
    plans = [get_profile(name) for name in qualities().index]
    models, rows = [load_model(plan.model).eval() for plan in plans], []
    for name in objects():
        item = load_item(plans[0], plans[0].object_folder(name))
        view = heldout_views(item, 1)
        seen = [render_like(model, predicted_planes(model, item), view) for model in models]
        rows.append(torch.cat([view.images, *seen]))
    return contact_sheet(rows)


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
