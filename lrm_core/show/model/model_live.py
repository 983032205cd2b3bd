"""The chapter on the model: its scores on one object, taken again with the page."""

import pandas as pd

from lrm_core.evidence.canonical import plain
from lrm_core.evidence.experiments.e00_model import model_scores
from lrm_core.evidence.live import Live
from lrm_core.show.chapter import rows_of
from lrm_core.show.model.model_study import Study, by_gain

LIVE_ENTRIES = {
    "model.source.psnr": "PSNR in the source view (dB)",
    "model.novel.psnr": "PSNR in novel views (dB)",
    "model.novel.ssim": "SSIM in novel views",
    "model.novel.lpips": "LPIPS in novel views",
    "model.novel.iou": "IoU of the masks in novel views",
}


def live(study: Study) -> tuple[Live, pd.DataFrame]:
    """The scores of the model on the median object, computed now and stored, and the record that holds the latter."""
    item = by_gain(study)["median"]
    record = rows_of(study.table, item.name, 0)
    stored = record.filter(like="model.").iloc[0].to_dict()
    return Live(plain({"model": model_scores(study.model, item)}), stored), record
