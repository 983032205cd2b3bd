"""Nine objects from the best to the worst prediction, as pictures: what was given, the prediction, the oracle.

The pictures are one contact sheet, filed under the fingerprints of the records that decide it, so that they stand
where the oracles were never fitted.
"""

import numpy as np
import pandas as pd
import torch

from lrm_core.findings.verdicts import experiment_table
from lrm_core.fingerprint import sha256
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import heldout_views, oracle, predicted_planes, render_images
from lrm_core.model.lrm import LRM
from lrm_core.objects.contact_sheets import SheetStore, contact_sheet
from lrm_core.paths import data_dir
from lrm_core.profiles import Profile
from lrm_core.records.runner import load_item

COUNT = 9
SHIPPED = "mini/oracles"  # in data
PICTURES = ("given", "predicted", "oracle")
QUALITY, ORACLE = "e00_model", "e01_oracle"


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
    path = store.find(name)
    if path is None:
        rows = [_pictures(plan, model, one) for one in chosen["object"]]
        path = store.keep(name, contact_sheet(rows))
    return name, path.read_bytes()


@torch.no_grad()
def _pictures(plan: Profile, model: LRM, name: str) -> torch.Tensor:
    item = load_item(plan, plan.object_folder(name))
    config = get_experiment(ORACLE).configuration(plan).oracle
    fitted = oracle(model, item, "predicted", config, plan.seeds[0]).planes
    view, side = heldout_views(item, 1).cameras, item.images.shape[-1]
    seen = [render_images(model, T, view, side).cpu() for T in (predicted_planes(model, item), fitted)]
    return torch.cat([item.images[:1], *seen])
