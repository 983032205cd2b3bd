"""Another renderer: the claims judged again on the same objects, path-traced; no claim of its own."""

from dataclasses import replace
from functools import cache

import pandas as pd

from lrm_core.findings import c02
from lrm_core.findings.claims import claim
from lrm_core.findings.figures import Panel, Row, Strips
from lrm_core.findings.prose import number
from lrm_core.findings.renderer_comparison import CASTER, CLAIMS, CYCLES, Comparison, both, compare
from lrm_core.findings.rulebook import RULES
from lrm_core.records.runner import record_all
from lrm_core.records.statistics import Interval, bca_interval, per_object

QUALITY = "e00_model"
EXPERIMENTS = sorted({RULES[name].experiment for name in CLAIMS} | {QUALITY})


def make_records(refresh: bool) -> None:
    """With `refresh` the records of the path-traced objects are made again; raises as `record_all`."""
    if refresh:
        record_all(CYCLES, EXPERIMENTS, refresh=True)


@cache
def comparisons() -> dict[str, Comparison]:
    """Every claim that both renderings have enough objects for."""
    return {name: found for name in CLAIMS if (found := compare(name))}


def verdicts_table() -> pd.DataFrame:
    """Verdict of every claim (a second one if the path tracer's is another) and both audited numbers, as text."""
    rows = []
    for name, found in comparisons().items():
        both = [number(one.audited.estimate) for one in (found.caster, found.cycles)]
        verdicts = dict.fromkeys(one.case.verdict for one in (found.caster, found.cycles))
        rows.append((name, ", then ".join(verdicts), *both))
    return pd.DataFrame(rows, columns=["claim", "verdict", "ray caster", "path tracer"])


def records() -> pd.DataFrame:
    """Every record that the chapter rests on."""
    names = {RULES[name].experiment for name in comparisons()} | {QUALITY}
    return pd.concat([table for name in sorted(names) for table in both(name).values()])


def _shift(name: str):
    """Path-traced less ray-cast audited number of each object, over the spread of objects; NaN without both."""

    def column(table: pd.DataFrame) -> pd.Series:
        found = comparisons().get(name)
        shifts = (found.values[CYCLES] - found.values[CASTER]) / found.spread if found else {}
        return table["object"].map(shifts).astype(float)

    return column


def _change(measure: str):
    """Path-traced less ray-cast of a measure of the model, over all objects that both have."""

    def interval(table: pd.DataFrame) -> Interval:
        return bca_interval(_changes(measure).to_numpy())

    return interval


def _changes(measure: str) -> pd.Series:
    by = {name: per_object(table, measure) for name, table in both(QUALITY).items()}
    return by[CYCLES] - by[CASTER]


def _named(answer: str):
    def names(table: pd.DataFrame) -> str:
        return ", ".join([name for name, found in comparisons().items() if found.answer == answer]) or "none"

    return names


def _larger(table: pd.DataFrame) -> pd.Series:
    """Shifts of the first claim of another size; empty where there is none."""
    names = [name for name, found in comparisons().items() if found.answer == "another size"]
    return table[f"shift.{names[0]}"] if names else pd.Series(dtype=float)


def _better(table: pd.DataFrame) -> str:
    changes = _changes("model.novel.psnr")
    return f"{(changes > 0).sum()} of {len(changes)}"


FINDING = replace(
    c02.FINDING,
    module=__name__,
    text="renderer",
    judged={},
    starts=("predicted",),
    beside=(QUALITY,),
    derived={f"shift.{name}": _shift(name) for name in CLAIMS},
    facts={
        "claims": lambda table: len(comparisons()),
        "changed": _named("depends on the renderer"),
        "objects": lambda table: str(max(len(found.values) for found in comparisons().values())),
        "size": _named("another size"),
        "size.mean": lambda table: _larger(table).mean(),
        "size.median": lambda table: _larger(table).median(),
        "left": lambda table: ", ".join([name for name in CLAIMS if name not in comparisons()]) or "none",
        "better": _better,
        "psnr": _change("model.novel.psnr"),
        "lpips": _change("model.novel.lpips"),
        "white": _change("white.novel.psnr"),
        "gain": _change("gain"),
    },
    figures={
        "shifts": Strips(
            [
                Panel(
                    "audited number, path tracer less ray caster, over the spread of objects",
                    [Row(f"{name}, {claim(name).title}", f"shift.{name}") for name in CLAIMS],
                    {"limit of the rule": 1, "limit": -1},
                )
            ]
        )
    },
)
