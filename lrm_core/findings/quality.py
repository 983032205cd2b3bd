"""How good the model under study is: against guesses without a model, its own decoder, and the published baseline."""

import numpy as np
import pandas as pd

from lrm_core.findings.claims import published, published_setup
from lrm_core.findings.figures import Panel, Row, Strips
from lrm_core.findings.finding import Finding
from lrm_core.findings.prose import counted
from lrm_core.findings.verdicts import experiment_table
from lrm_core.paths import data_dir
from lrm_core.profiles import get_profile
from lrm_core.records.statistics import per_object
from lrm_core.training.ablation import TABLE
from lrm_core.training.pretrain import CURVE

QUALITY, ORACLE = "e00_model", "e01_oracle"
GUESSES = {"model": "the model", "nearest_training": "the nearest of many training objects"}
GUESSES |= {"mean_training": "mean training image", "white": "white image"}
BASELINE = published("C10")["baseline"]
NEAR, FAR = 30, 150  # degrees between a view and the source view


def _profile(table: pd.DataFrame):
    return get_profile(table["provenance.profile"].iloc[0])


def _by_group(table: pd.DataFrame) -> str:
    """PSNR in novel views of the groups of objects, from the least to the greatest mean, in words."""
    groups = {folder.name: folder.parent.name for folder in _profile(table).object_folders(every=True)}
    means = sorted(per_object(table, "model.novel.psnr").groupby(groups).mean())
    return " to ".join(dict.fromkeys(f"{mean:.1f}" for mean in (means[0], means[-1])))


def _at_angles(table: pd.DataFrame, low: float, high: float) -> float:
    angles, values = (np.concatenate(table[name].tolist()) for name in ("angles", "model.novel_views"))
    return float(values[(angles >= low) & (angles < high)].mean())


def _curve() -> pd.DataFrame:
    """The steps of the embedded model's training at which it was validated."""
    return pd.read_csv(data_dir() / "mini" / CURVE).dropna(subset="novel_psnr")


def _last_quarter(table: pd.DataFrame) -> float:
    """Change of the validation in novel views (dB) over about the last quarter of the training objects."""
    curve = _curve()
    earlier = curve[curve["objects"] <= 0.75 * curve["objects"].iloc[-1]]
    return curve["novel_psnr"].iloc[-1] - earlier["novel_psnr"].iloc[-1]


def _variants(table: pd.DataFrame) -> float:
    """The largest change of novel views (dB) by a variant of the recipe, as `lrm ablate` measured them."""
    measured = pd.read_csv(data_dir() / "mini" / TABLE).set_index("variant")["novel_psnr"]
    return (measured - measured["as trained"]).abs().max()


def _guesses(axis: str, measure: str) -> Panel:
    marks = {"model": {"published": BASELINE[measure]}}
    return Panel(axis, [Row(label, f"{of}.novel.{measure}", marks.get(of, {})) for of, label in GUESSES.items()])


FINDING = Finding(
    module=__name__,
    experiment=QUALITY,
    text="quality",
    typical=("model.novel.psnr", "model.novel.lpips"),
    facts={
        "psnr": _by_group,
        "published.psnr": lambda table: BASELINE["psnr"],
        "published.lpips": lambda table: BASELINE["lpips"],
        "published.objects": lambda table: published_setup()["val_objects"],
        "oracle": lambda table: experiment_table(ORACLE, _profile(table).name)["start_predicted.heldout_psnr"].mean(),
        "objects": lambda table: table["object"].nunique(),
        "ahead.psnr": lambda table: counted(per_object(table, "gain") > 0),
        "ahead.lpips": lambda table: counted(
            per_object(table, "nearest_training.novel.lpips") > per_object(table, "model.novel.lpips")
        ),
        "near": lambda table: NEAR,
        "far": lambda table: FAR,
        "psnr.near": lambda table: _at_angles(table, 0, NEAR),
        "psnr.far": lambda table: _at_angles(table, FAR, 181),
        "trained.objects": lambda table: f"{int(_curve()['objects'].iloc[-1]):,}",
        "trained.minutes": lambda table: _curve()["seconds"].iloc[-1] / 60,
        "trained.last": _last_quarter,
        "trained.variants": _variants,
    },
    figures={
        "guesses": Strips(
            _guesses("PSNR in novel views (dB)", "psnr"), _guesses("LPIPS in novel views, lower is better", "lpips")
        )
    },
)
