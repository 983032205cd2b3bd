"""Figures and sentences on how the model under study was trained."""

from html import escape

import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.experiments.e00_model import training_view
from lrm_core.fit.pretrain import CURVE
from lrm_core.fit.pretrain_validation import OBJECTS as VALIDATION_OBJECTS
from lrm_core.fit.pretrain_validation import SIZE as VALIDATION_SIZE
from lrm_core.fit.publish import CARD_NAME as CARD
from lrm_core.paths import data_dir
from lrm_core.show.elements.curves import Curve, curves
from lrm_core.show.elements.pictures import image_row
from lrm_core.show.elements.prose import duration, number
from lrm_core.show.elements.style import COLOURS

TRAINING_OBJECTS, TRAINING_SIZE = 64, 64
CARD_ROWS = ("data", "supervision", "never seen", "steps", "seconds", "machine", "seed")
SOURCE = f"from data/mini/{CURVE}"


def _validation_curve() -> pd.DataFrame:
    """The steps of the embedded model's training at which it was validated."""
    return pd.read_csv(data_dir() / "mini" / CURVE).dropna(subset="novel_psnr")


def training_curve() -> go.Figure:
    """Validation PSNR of the embedded model against the objects that it had seen."""
    curve = _validation_curve()
    lines = [
        Curve(label, curve["objects"].tolist(), curve[column].tolist(), COLOURS[colour], width=2, hover=label)
        for label, column, colour in (
            ("source view", "source_psnr", "predinit"),
            ("novel views", "novel_psnr", "procedural"),
        )
    ]
    last = curve.iloc[-1]
    alt = (
        f"PSNR of {VALIDATION_OBJECTS} objects at {VALIDATION_SIZE} pixels a side rises to "
        f"{last['source_psnr']:.1f} dB in the source view and {last['novel_psnr']:.1f} dB in novel views after "
        f"{int(last['objects']):,} training objects."
    )
    return curves(lines, ("objects seen in training", "PSNR (dB)"), alt)


def training_card() -> str:
    """What the model card says about the training, as an HTML list."""
    card = (data_dir() / "mini" / CARD).read_text(encoding="utf-8")
    rows = (line.strip("| ").partition(" | ") for line in card.splitlines() if line.startswith("| "))
    said = {name: escape(value.replace("`", "")) for name, _, value in rows if name in CARD_ROWS}
    return "<ul>" + "".join(f"<li><b>{name}</b>: {value}</li>" for name, value in said.items()) + "</ul>"


def training_sentence() -> str:
    """The training in numbers: objects, time, and what its last validations still brought."""
    curve = _validation_curve()
    last = curve.iloc[-1]
    earlier = curve[curve["objects"] <= 0.75 * last["objects"]].iloc[-1]
    gained = last["novel_psnr"] - earlier["novel_psnr"]
    return (
        f"It was shown objects {int(last['objects']):,} times in {duration(last['seconds'])}. The last "
        f"{1 - earlier['objects'] / last['objects']:.0%} of them, with the learning rate falling to a hundredth, "
        f"changed novel views by {number(gained, 2)} dB."
    )


def training_pictures() -> str:
    """Source views of the first 64 training objects, as HTML."""
    images = {str(seed): training_view(seed, 0, TRAINING_SIZE, 3) for seed in range(TRAINING_OBJECTS)}
    return image_row(images, "training object", width=60)
