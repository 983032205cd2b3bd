"""Figures and tables of the chapter on full fine-tuning against adapters (E13, claim C13)."""

import pandas as pd
import plotly.graph_objects as go

from lrm_core.evidence.arm_tables import less, values, worst
from lrm_core.evidence.claims import published
from lrm_core.show.elements.prose import number
from lrm_core.show.elements.strips import Panel, Row, strips
from lrm_core.show.repair import finetuning, finetuning_controls
from lrm_core.show.repair.arm_changes import METRICS, Difference, measured, relative_change
from lrm_core.show.repair.arm_labels import label
from lrm_core.show.repair.arm_study import ArmStudy
from lrm_core.show.repair.finetuning import (
    axis_title,
    difference_cells,
    groups_of,
    interval_text,
    scale,
    strips_table,
)
from lrm_core.show.repair.finetuning_published import change_text, relative

FULL, LORA = ("full_mse", "full_freq"), ("lora_mse", "lora_freq")
ARMS = (*LORA, *FULL)
SHOWN = ("l1", "lpips", "psnr")
CLAIM = "C13"
OBJECT_METRICS = ("l1", "lpips")
CONVERGENCE_METRIC = "lpips"


def live_arm(study: ArmStudy) -> str:
    """Of which the first steps are taken again with the page: all weights, where the profile trains them."""
    return study.arms([*reversed(FULL), *reversed(LORA)])[0].name


def objects_figure(runs: pd.DataFrame, metric: str) -> go.Figure:
    """Relative change of each object by adapters and by full fine-tuning; for L1 with the published worst cases."""
    marks = {("l1", arm): _published_worst(arm) for arm in FULL}
    return finetuning.objects_figure(runs, ARMS, [metric], marks)


def worst_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The object that fares worst by each arm, and how much worse than by adapters of the same loss."""
    table = finetuning_controls.worst_table(runs, ARMS)
    beyond = {label(full): worst(runs, full, control=lora) for full, lora in zip(FULL, LORA, strict=True)}
    table["L1 beyond adapters, at most"] = [
        interval_text(beyond[name], "l1") if name in beyond else "–" for name in table["arm"]
    ]
    return table


def against_lora(runs: pd.DataFrame, full: str, lora: str, metric: str) -> Difference | None:
    """Full fine-tuning less adapters of the same loss; None without records."""
    if len(measured(runs, [full, lora])) < 2:
        return None
    apart = less(*(values(runs, arm, metric) for arm in (full, lora)))
    return Difference(apart / scale(runs, lora, metric))


def difference_figure(runs: pd.DataFrame) -> go.Figure:
    """Full fine-tuning less adapters, per object and in the mean, in every metric."""
    pairs = dict(zip(FULL, LORA, strict=True))
    found = {
        f"{metric}.{full}": against_lora(runs, full, lora, metric)
        for metric in SHOWN for full, lora in pairs.items()
    }  # fmt: skip
    names = {"full_mse": "MSE: all weights − adapters", "full_freq": "FreqLoss: all weights − adapters"}
    panels = [
        Panel(
            axis_title(metric),
            [Row(names[full], f"{metric}.{full}") for full in FULL],
            {"no difference": 0.0},
        )
        for metric in SHOWN
    ]
    said = [f"{names[full]}: {difference_cells(found[f'l1.{full}'], 'l1')[0]}" for full in FULL]
    alt = f"Differences of L1 over that of the untouched model. {'; '.join(said)}."
    return strips(strips_table(found), groups_of(runs), panels, alt)


def difference_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The means of `difference_figure` with their intervals and p values."""
    rows = []
    for full, lora in zip(FULL, LORA, strict=True):
        found = {metric: against_lora(runs, full, lora, metric) for metric in SHOWN}
        cells = [difference_cells(found[metric], metric)[0] for metric in SHOWN]
        p = number(found["l1"].p, 3) if found["l1"] else "–"
        rows.append((f"{label(full)}, less adapters", *cells, p))
    return pd.DataFrame(rows, columns=["difference", *(METRICS[m] for m in SHOWN), "p of L1"])


def object_table(runs: pd.DataFrame) -> pd.DataFrame:
    """L1 of every object: untouched, and its change by each arm."""
    there = measured(runs, ARMS)
    if not there:
        return pd.DataFrame(columns=["object", "untouched"])
    before = values(runs, there[0], "l1", 0).mean(axis=1)
    changes = {arm: relative_change(runs, arm, "l1").objects for arm in there}
    rows = [
        (name, number(before[name], 4), *(change_text(changes[arm][name], "l1") for arm in there))
        for name in before.index
    ]
    return pd.DataFrame(rows, columns=["object", "untouched", *map(label, there)])


def published_object_table() -> pd.DataFrame:
    """The published L1 of every object before and after full fine-tuning, with the changes that follow."""
    numbers = published(CLAIM)
    rows = []
    for name, (before, *after) in numbers["per_object_l1"].items():
        cells = [f"{number(one, 4)} ({change_text(relative(one, before, 'l1'), 'l1')})" for one in after]
        rows.append((name, number(before, 4), *cells))
    return pd.DataFrame(rows, columns=["object, as published", *numbers["columns"]])


def published_average_table() -> pd.DataFrame:
    """The averages of the fork's own result file on full fine-tuning, beside those of its tables on adapters."""
    file, adapters = published(CLAIM)["result_file_average"], published("C10")
    sources = [
        ("all weights, MSE", file["full_std"], file["baseline"]),
        ("all weights, FreqLoss", file["full_freq"], file["baseline"]),
        ("adapters of rank 8, MSE", adapters["lora_std_r8"], adapters["baseline"]),
        ("adapters of rank 8, FreqLoss", adapters["lora_freq_r8"], adapters["baseline"]),
    ]
    shown = ("l1", "psnr", "ssim", "lpips")
    rows = [
        (name, *(change_text(relative(after[m], before[m], m), m) for m in shown))
        for name, after, before in sources
    ]
    return pd.DataFrame(rows, columns=["change, as published", *(METRICS[m] for m in shown)])


def published_sentence() -> str:
    """On how many objects the published run was trained, and what its tables say (audit A11)."""
    numbers = published(CLAIM)
    file = numbers["result_file_average"]
    changed = relative(file["full_std"]["lpips"], file["baseline"]["lpips"], "lpips")
    return (
        f"The fork's result file of full fine-tuning has {file['train_objects']} training objects and "
        f"{file['val_objects']} for validation. In it the LPIPS of the MSE run changes by "
        f"{change_text(changed, 'lpips')}, a number that its table does not give; the table gives gains of "
        f"{number(100 * numbers['full_std_l1_gain'], 1)}% (MSE) and {number(100 * numbers['full_freq_l1_gain'], 1)}% "
        "(FreqLoss) in L1, while the changes of L1 by the file are "
        f"{change_text(_file_change('full_std'), 'l1')} and {change_text(_file_change('full_freq'), 'l1')}."
    )


def _file_change(name: str) -> float:
    file = published(CLAIM)["result_file_average"]
    return relative(file[name]["l1"], file["baseline"]["l1"], "l1")


def _published_worst(arm: str) -> float:
    """The largest published rise of an object's L1 by full fine-tuning."""
    column = 1 + FULL.index(arm)
    return max(relative(row[column], row[0], "l1") for row in published(CLAIM)["per_object_l1"].values())
