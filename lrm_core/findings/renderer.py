"""Another renderer: the claims judged again on the same objects and cameras, path-traced by Cycles.

The rule, written down before anything was measured on the second rendering: a finding *depends on the renderer* if
the objects, judged once by each rendering, get another verdict. If the verdict is the same, it has *another size*
if the mean paired difference of the audited number is larger than the standard deviation over the objects as the
ray caster shows them. Else it is *the same*.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import pandas as pd

from lrm_core.findings import c02
from lrm_core.findings.claims import claims
from lrm_core.findings.figures import Row, strip
from lrm_core.findings.prose import counted, number
from lrm_core.findings.quality import QUALITY
from lrm_core.findings.rules import Judgement, judge
from lrm_core.findings.verdicts import RULES, tables_in_common
from lrm_core.measure.experiments import EXPERIMENTS as MEASURED
from lrm_core.profiles import RENDERINGS
from lrm_core.records.runner import record_all
from lrm_core.records.statistics import FEWEST_OBJECTS, Interval, bca_interval, per_object

CASTER, CYCLES = RENDERINGS
CLAIMS = tuple(name for name, rule in RULES.items() if rule.experiment in MEASURED)
EXPERIMENTS = sorted({RULES[name].experiment for name in CLAIMS} | {QUALITY})


@dataclass(frozen=True)
class Comparison:
    """One claim, judged on the same objects by each rendering."""

    values: pd.DataFrame  # audited number of each object (the index), with the columns "mini" and "cycles"
    caster: Judgement
    cycles: Judgement

    @property
    def difference(self) -> Interval:
        """Audited number with Cycles less that with the ray caster, mean over objects."""
        return bca_interval((self.values[CYCLES] - self.values[CASTER]).to_numpy())

    @property
    def spread(self) -> float:
        """Standard deviation of the audited number over the objects, by the ray caster."""
        return float(self.values[CASTER].std())

    @property
    def answer(self) -> Literal["depends on the renderer", "another size", "the same"]:
        """What the rule of this module says."""
        if self.caster.case.verdict != self.cycles.case.verdict:
            return "depends on the renderer"
        return "another size" if abs(self.difference.estimate) > self.spread else "the same"


def compare(claim: str) -> Comparison | None:
    """Judge a claim by each rendering on the objects that both have; None where too few have the audited number."""
    rule = RULES[claim]
    tables = tables_in_common(rule.experiment, *RENDERINGS)
    numbers = zip(RENDERINGS, (per_object(table, rule.audited) for table in tables), strict=False)
    values = pd.DataFrame(dict(numbers)).dropna()
    return Comparison(values, *(judge(rule, of) for of in tables)) if len(values) >= FEWEST_OBJECTS else None


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
    columns, rows = ["claim", "verdict on these objects", "audited, ray caster", "audited, path tracer"], []
    for name, found in comparisons().items():
        by = found.caster, found.cycles
        verdicts = ", then ".join(dict.fromkeys(one.case.verdict for one in by))
        rows.append((name, verdicts, *(number(one.audited.estimate) for one in by)))
    return pd.DataFrame(rows, columns=columns)


def records() -> pd.DataFrame:
    """Every record that the chapter rests on."""
    names = {RULES[name].experiment for name in comparisons()} | {QUALITY}
    return pd.concat([table for name in sorted(names) for table in tables_in_common(name, *RENDERINGS)])


def _shift(table: pd.DataFrame, name: str) -> pd.Series:
    """Path-traced less ray-cast audited number of each object, over the spread of objects; NaN without both."""
    found = comparisons().get(name)
    shifts = (found.values[CYCLES] - found.values[CASTER]) / found.spread if found else {}
    return table["object"].map(shifts).astype(float)


def _changes(measure: str) -> pd.Series:
    """Path-traced less ray-cast of a measure of the model, of all objects that both have."""
    caster, cycles = (per_object(table, measure) for table in tables_in_common(QUALITY, *RENDERINGS))
    return cycles - caster


def _named(answer: str) -> str:
    return ", ".join(name for name, found in comparisons().items() if found.answer == answer) or "none"


def _larger(table: pd.DataFrame) -> pd.Series:
    """Shifts of the first claim of another size; empty where there is none."""
    return table.get(f"shift.{_named('another size').partition(',')[0]}", pd.Series(dtype=float))


MEASURES = {"gain": "gain", "white": "white.novel.psnr"} | {of: f"model.novel.{of}" for of in ("psnr", "lpips")}
FINDING = replace(
    c02.FINDING,
    module=__name__,
    text="renderer",
    judged={},
    starts=("predicted",),
    beside=(QUALITY,),
    derived={f"shift.{name}": lambda table, name=name: _shift(table, name) for name in CLAIMS},
    facts={
        "claims": lambda table: len(comparisons()),
        "changed": lambda table: _named("depends on the renderer"),
        "objects": lambda table: max(len(found.values) for found in comparisons().values()),
        "size": lambda table: _named("another size"),
        "size.mean": lambda table: _larger(table).mean(),
        "size.median": lambda table: _larger(table).median(),
        "left": lambda table: ", ".join(name for name in CLAIMS if name not in comparisons()) or "none",
        **{name: lambda table, of=of: bca_interval(_changes(of).to_numpy()) for name, of in MEASURES.items()},
        "better": lambda table: counted(_changes("model.novel.psnr") > 0),
    },
    figures={
        "shifts": strip(
            "audited number, path tracer less ray caster, over the spread of objects",
            [Row(f"{name}, {claims()[name]['title']}", f"shift.{name}") for name in CLAIMS],
            {"limit of the rule": 1, "limit": -1},
        )
    },
)
