"""An evaluation for readers: tables of text, one page that needs nothing beside it, and one JSON document."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from html import escape
from importlib.resources import files
from itertools import product
from math import isnan, nan
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from lrm_core.atomic import replacing
from lrm_core.canonical import canonical_json, plain
from lrm_core.data_url import data_url
from lrm_core.findings.prose import csv_link, mean_and_interval, number, table_html
from lrm_core.model.lrm import LRM, model_hash
from lrm_core.predict.evaluate import KINDS, METRICS, Evaluation, Pair
from lrm_core.records.provenance import code_revision, machine
from lrm_core.records.statistics import Interval, bca_interval

PAGE, RECORD, VIEWS, OBJECTS = "index.html", "evaluation.json", "views.csv", "objects.csv"
NOTHING = Interval(nan, nan, nan, 0)

Subject = dict[str, Any]
Summary = dict[str, dict[str, dict[str, Interval | None]]]


class Measure(NamedTuple):
    """How a metric is written: label with unit, digits behind the point, whether more is better, and what it is."""

    label: str
    digits: int
    more_is_better: bool
    words: str


MEASURES: Mapping[str, Measure] = {
    "psnr": Measure("PSNR (dB)", 2, True, "peak signal-to-noise ratio, data range 1; 100 dB for equal images"),
    "ssim": Measure("SSIM", 3, True, "structural similarity, Gaussian window of 1.5 pixels, data range 1"),
    "lpips": Measure("LPIPS", 3, False, "perceptual distance by AlexNet, version 0.1"),
    "l1": Measure("L1", 4, False, "mean absolute difference of the colours on white"),
    "iou": Measure("mask IoU", 3, True, "intersection over union of coverage above one half"),
    "depth": Measure(
        "depth error",
        3,
        False,
        "mean absolute difference in world units where both show a surface, a render by its mean depth along the "
        "ray; known of objects that can be made again",
    ),
}
LABELS = [measure.label for measure in MEASURES.values()]
RANDOMNESS = "none: stored cameras, every view, deterministic quadrature"


def subject_of(model: LRM, name: str) -> Subject:
    """What is evaluated: the model that `load_model(name)` gave, its hash, parameters and source size in pixels."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    size = model.config.source_size
    return {"name": Path(name).name, "hash": model_hash(model), "parameters": parameters, "source_size": size}


def summary(objects: pd.DataFrame) -> Summary:
    """Mean over `Evaluation.objects` of each group, by kind of view and metric; None where no object has a value."""
    found: Summary = {group: {kind: {} for kind in KINDS} for group in objects["group"]}
    for (group, mine), kind, name in product(objects.groupby("group", sort=False), KINDS, METRICS):
        known = mine[f"{kind}.{name}"].dropna().tolist()
        found[group][kind][name] = bca_interval(known) if known else None
    return found


def record(found: Evaluation, subject: Subject, split: str) -> dict[str, Any]:
    """Everything that an evaluation found, JSON-ready: six significant digits, None where there is no number."""
    objects = found.objects()
    return plain(
        {
            "model": subject,
            "split": split,
            "randomness": RANDOMNESS,
            "metrics": {name: measure.words for name, measure in MEASURES.items()},
            "code_revision": code_revision(),
            "machine": machine(),
            "seconds": found.seconds,
            "summary": _stated(summary(objects)),
            "objects": list(map(_stated, objects.to_dict("records"))),
            "views": list(map(_stated, found.rows)),
            "failed": found.failed,
            "depth_unknown": found.depth_unknown,
        }
    )


def _stated(value: Any) -> Any:
    """Nested mappings with every interval as a mapping, and NaN as None."""
    if isinstance(value, Interval):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {key: _stated(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and isnan(value) else value


def write_evaluation(folder: Path, found: Evaluation, subject: Subject, split: str) -> None:
    """Write page, record and tables into a folder that exists; OSError if one fails, and then none is changed."""
    tables = {VIEWS: found.views(), OBJECTS: found.objects()}
    texts = {name: table.to_csv(index=False, float_format="%.6g") for name, table in tables.items()}
    texts[RECORD] = canonical_json(record(found, subject, split))
    texts[PAGE] = page_html(found, subject, split)
    with ExitStack() as stack:
        places = {name: stack.enter_context(replacing(folder / name)) for name in texts}
        for name, text in texts.items():
            places[name].write_text(text, encoding="utf-8")


def summary_table(found: Evaluation) -> pd.DataFrame:
    """Mean over the objects of each group with its 95% interval, as text; a row for each kind of view."""
    objects = found.objects()
    counts = objects["group"].value_counts()
    rows = [
        (group, counts[group], kind, *(mean_and_interval(means[n] or NOTHING, m.digits) for n, m in MEASURES.items()))
        for group, kinds in summary(objects).items()
        for kind, means in kinds.items()
    ]
    return pd.DataFrame(rows, columns=["group", "objects", "views", *LABELS])


def object_table(found: Evaluation) -> pd.DataFrame:
    """Mean over the views of each object, as text; a row for each kind of view."""
    rows = [
        (row["object"], row["group"], kind, *(number(row[f"{kind}.{n}"], m.digits) for n, m in MEASURES.items()))
        for row in found.objects().to_dict("records")
        for kind in KINDS
    ]
    return pd.DataFrame(rows, columns=["object", "group", "views", *LABELS])


def page_html(found: Evaluation, subject: Subject, split: str) -> str:
    """The whole evaluation as one HTML document that asks nothing of any server."""
    title = f"{subject['name']} on {len(found.objects())} rendered objects"
    sides = sorted({pair.target.shape[-1] for pair in (*found.best, *found.worst)})
    facts = {
        "model": f"{subject['name']}, {subject['parameters']:,} parameters",
        "weights": f"SHA-256 {subject['hash'][:16]}…",
        "objects": f"{len(found.objects())} evaluated, {len(found.failed)} failed; split {split}",
        "views": f"{len(found.rows)}, scored at {', '.join(map(str, sides))} pixels a side; the model sees the "
        f"source view at {subject['source_size']}",
        "randomness": RANDOMNESS,
    }
    sections = [
        f"<h1>{escape(title)}</h1>",
        _list(facts),
        "<h2>Mean over objects</h2><p>In brackets the 95% bootstrap interval over the objects, from three on. "
        "The source view is the one that the model sees, novel views are all others.</p>",
        table_html(summary_table(found)),
        _list({m.label: f"{m.words}; {'more' if m.more_is_better else 'less'} is better" for m in MEASURES.values()}),
        _gallery("Best views", "the highest", found.best),
        _gallery("Worst views", "the lowest", found.worst),
        "<h2>Every object</h2>" + table_html(object_table(found)),
        csv_link(found.views(), "views", "Every view as a table (CSV)"),
        _reasons("Not evaluated", found.failed),
        _reasons("Depth not known", found.depth_unknown),
    ]
    style = (files("lrm_core.page") / "assets" / "evaluation.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n<body><main>\n"
        + "\n".join(filter(None, sections))
        + "\n</main></body></html>\n"
    )


def _gallery(title: str, which: str, pairs: Iterable[Pair]) -> str:
    """Targets and predictions side by side."""
    shown = "".join(map(_figure, pairs))
    return (
        f"<h2>{title}</h2><p>Of each object the novel view with {which} PSNR: the target on the left, the prediction "
        f'on the right.</p><div class="pairs">{shown}</div>'
    )


def _figure(pair: Pair) -> str:
    scores = pair.scores
    name = f"{scores['object']}, view {scores['view']}"
    measured = ", ".join(f"{m.label} {number(scores[key], m.digits)}" for key, m in MEASURES.items())
    images = "".join(
        f'<img src="{data_url(image)}" alt="{escape(f"{name}: {what}", quote=True)}">'
        for what, image in (("target", pair.target), ("prediction", pair.predicted))
    )
    angle = f"{number(scores['angle'], 0)}° from the source"
    return (
        f'<figure><div class="pair">{images}</div>'
        f"<figcaption><b>{escape(name)}</b>, {angle}. {measured}</figcaption></figure>"
    )


def _list(entries: Mapping[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in entries.items())}</dl>"


def _reasons(title: str, reasons: Mapping[str, str]) -> str:
    """What happened to some objects; nothing where it happened to none."""
    return f"<h2>{title}</h2>{_list(reasons)}" if reasons else ""
