"""An evaluation for readers: tables of text, one page that needs nothing beside it, and the files that carry it."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from html import escape
from importlib.resources import files
from math import nan
from pathlib import Path

import pandas as pd

from lrm_core.atomic import replacing
from lrm_core.canonical import canonical_json
from lrm_core.data_url import data_url
from lrm_core.findings.prose import csv_link, mean_and_interval, number, table_html
from lrm_core.predict.evaluate import Evaluation
from lrm_core.predict.evaluation_record import MEASURES, RANDOMNESS, Subject, record, summary
from lrm_core.predict.view_scores import KINDS, Pair
from lrm_core.records.statistics import Interval

PAGE, RECORD, VIEWS, OBJECTS = "index.html", "evaluation.json", "views.csv", "objects.csv"
NOTHING = Interval(nan, nan, nan, 0)
LABELS = [measure.label for measure in MEASURES.values()]


def write_evaluation(folder: Path, found: Evaluation, subject: Subject, split: str) -> None:
    """Write page, record and tables into a folder that exists; on an error none of the four is changed.

    Raises:
        OSError: if one of them cannot be written.
    """
    texts = {
        VIEWS: _csv(found.views()),
        OBJECTS: _csv(found.objects()),
        RECORD: canonical_json(record(found, subject, split)),
        PAGE: page_html(found, subject, split),
    }
    with ExitStack() as stack:
        places = {name: stack.enter_context(replacing(folder / name)) for name in texts}
        for name, text in texts.items():
            places[name].write_text(text, encoding="utf-8")


def summary_table(found: Evaluation) -> pd.DataFrame:
    """Mean over the objects of each group with its 95% interval, as text; a row for each kind of view."""
    objects = found.objects()
    counts = objects["group"].value_counts()
    rows = [
        (
            group,
            counts[group],
            kind,
            *(mean_and_interval(means[n] or NOTHING, m.digits) for n, m in MEASURES.items()),
        )
        for group, kinds in summary(objects).items()
        for kind, means in kinds.items()
    ]
    return pd.DataFrame(rows, columns=["group", "objects", "views", *LABELS])


def object_table(found: Evaluation) -> pd.DataFrame:
    """Mean over the views of each object, as text; a row for each kind of view."""
    rows = [
        (
            row["object"],
            row["group"],
            kind,
            *(number(row[f"{kind}.{n}"], m.digits) for n, m in MEASURES.items()),
        )
        for row in found.objects().to_dict("records")
        for kind in KINDS
    ]
    return pd.DataFrame(rows, columns=["object", "group", "views", *LABELS])


def page_html(found: Evaluation, subject: Subject, split: str) -> str:
    """The whole evaluation as one HTML document that asks nothing of any server."""
    title = f"{subject.name} on {len(found.objects())} rendered objects"
    sections = [
        f"<h1>{escape(title)}</h1>",
        _list(_facts(found, subject, split)),
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


def _facts(found: Evaluation, subject: Subject, split: str) -> dict[str, str]:
    sides = sorted({pair.target.shape[-1] for pair in (*found.best, *found.worst)})
    return {
        "model": f"{subject.name}, {subject.parameters:,} parameters",
        "weights": f"SHA-256 {subject.hash[:16]}…",
        "objects": f"{len(found.objects())} evaluated, {len(found.failed)} failed; split {split}",
        "views": f"{len(found.rows)}, scored at {', '.join(map(str, sides))} pixels a side; the model sees the "
        f"source view at {subject.source_size}",
        "randomness": RANDOMNESS,
    }


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


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format="%.6g")
