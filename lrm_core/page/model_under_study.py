"""What the chapter on the model shows beside its finding: nine objects, sizes, training objects.

The nine, from the best to the worst prediction, are one contact sheet, filed under the fingerprints of the records
that decide it, so that it stands where the oracles were never fitted.
"""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.data_url import data_url
from lrm_core.findings.finding import told
from lrm_core.findings.prose import number
from lrm_core.findings.quality import ORACLE, QUALITY
from lrm_core.findings.verdicts import experiment_table
from lrm_core.fingerprint import sha256
from lrm_core.measure.e00_model import training_view
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import heldout_views, oracle, predicted_planes, render_images
from lrm_core.model.config import BASE, LRMConfig
from lrm_core.model.lrm import LRM
from lrm_core.objects.contact_sheets import SheetStore, contact_sheet, picture_at
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED
from lrm_core.page import chapter as pages
from lrm_core.page.elements.pictures import image_row
from lrm_core.page.finding_page import Chapter
from lrm_core.paths import data_dir
from lrm_core.profiles import Profile
from lrm_core.records.runner import load_item

COUNT = 9
SHIPPED = "mini/oracles"  # in data
PICTURES = ("given", "predicted", "oracle")
TRAINING_OBJECTS, TRAINING_SIZE = 12, 96
TOGETHER = 3  # objects that stand beside each other on a phone
STYLE = "display:grid;gap:1rem;align-items:start;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))"
GROUP = "display:grid;gap:0.3rem;grid-template-columns:1.2rem repeat({},minmax(0,1fr));font-size:0.88rem"
TURNED = "writing-mode:vertical-rl;transform:rotate(180deg);text-align:center"


def nine(plan: Profile) -> pd.DataFrame:
    """Objects with an oracle, evenly spaced in the order of PSNR in novel views, the best first.

    Returns:
        The columns object, psnr (dB, in novel views) and fingerprint, of the record of the oracle.
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
    view, side = heldout_views(item, 1).cameras, item.images.shape[-1]
    seen = [render_images(model, T, view, side).cpu() for T in (predicted_planes(model, item), fitted)]
    return torch.cat([item.images[:1], *seen])


def show_nine(chapter: Chapter) -> None:
    """Display `nine` objects, the best first: what was given, predicted, and the oracle below one another."""
    title, _, caption = told(chapter.finding, "figure nine", chapter.table).partition("\n")
    chosen, (_, sheet) = nine(chapter.plan), nine_sheet(chapter.plan, chapter.model)
    shape = (len(chosen), len(PICTURES))
    drawn = [
        (row.object, row.psnr, [picture_at(sheet, (row.Index, at), shape) for at in range(len(PICTURES))])
        for row in chosen.itertuples()
    ]
    figures = "".join(_group(drawn[at : at + TOGETHER]) for at in range(0, len(drawn), TOGETHER))
    about = f'tabindex="0" role="group" aria-label="{escape(title)}" style="{STYLE}"'
    html = f'<p class="lrm-figure-title">{escape(title)}</p><div class="lrm-images" {about}>{figures}</div>'
    caption = f'<div class="lrm-caption" data-name="nine"><p>{escape(caption)}</p></div>'
    pages.show_html(html + caption, chapter.table)


def _group(drawn: Sequence[tuple[str, float, Sequence[Float[Tensor, "3 h w"]]]]) -> str:
    """Objects beside each other, with PSNR and pictures: a row for each of `PICTURES`, and one of names."""
    cells = ""
    for at, what in enumerate(PICTURES):
        cells += f'<span style="{TURNED}">{what}</span>' + "".join(
            f'<img src="{data_url(pictures[at])}" alt="{escape(f"{name}: {what}")}" style="width:100%">'
            for name, _, pictures in drawn
        )
    names = "".join(f"<span>{escape(_short(name))}<br>{number(psnr, 1)} dB</span>" for name, psnr, _ in drawn)
    return f'<div style="{GROUP.format(len(drawn))}">{cells}<span></span>{names}</div>'


def _short(name: str) -> str:
    made, _, seed = name.removeprefix("cc0_").partition("procedural_")
    return f"made-up {int(seed) - FIRST_HELD_OUT_SEED}" if seed else made.replace("_", " ")


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
