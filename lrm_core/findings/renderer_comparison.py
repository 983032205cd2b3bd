"""Whether a finding depends on the renderer: the same objects and cameras, through the ray caster and through Cycles.

The rule, written down before anything was measured on the second rendering: a finding *depends on the renderer* if
the objects, judged once by each rendering, get another verdict. If the verdict is the same, it has *another size*
if the mean paired difference of the audited number is larger than the standard deviation over the objects as the
ray caster shows them. Else it is *the same*.
"""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from lrm_core.findings.rulebook import RULES
from lrm_core.findings.verdicts import Judgement, experiment_table, judge
from lrm_core.measure.experiments import EXPERIMENTS
from lrm_core.profiles import RENDERINGS
from lrm_core.records.statistics import FEWEST_OBJECTS, Interval, bca_interval, in_common, per_object

CASTER, CYCLES = RENDERINGS
CLAIMS = tuple(name for name, rule in RULES.items() if rule.experiment in EXPERIMENTS)
Answer = Literal["depends on the renderer", "another size", "the same"]


@dataclass(frozen=True)
class Comparison:
    """One claim, judged on the same objects by each rendering.

    Attributes:
        values: audited number of each object (the index), with the columns "mini" and "cycles".
        caster, cycles: what the rule says of these objects.
    """

    claim: str
    values: pd.DataFrame
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
    def answer(self) -> Answer:
        """What the rule of this module says."""
        if self.caster.case.verdict != self.cycles.case.verdict:
            return "depends on the renderer"
        return "another size" if abs(self.difference.estimate) > self.spread else "the same"


def compare(claim: str) -> Comparison | None:
    """Judge a claim by each rendering on the objects that both have; None where too few have the audited number.

    Raises:
        KeyError: if the claim is none of `CLAIMS`.
    """
    rule = RULES[claim]
    tables = both(rule.experiment)
    if tables[CASTER].empty:
        return None
    values = pd.DataFrame({name: per_object(t, rule.audited) for name, t in tables.items()}).dropna()
    if len(values) < FEWEST_OBJECTS:
        return None
    return Comparison(claim, values, *(judge(rule, tables[name]) for name in (CASTER, CYCLES)))


def both(experiment: str) -> dict[str, pd.DataFrame]:
    """Current records of an experiment by each profile, of the objects and seeds that both have."""
    tables = {name: experiment_table(experiment, name) for name in (CASTER, CYCLES)}
    if any(table.empty for table in tables.values()):
        return {name: pd.DataFrame({"object": []}) for name in tables}
    return dict(zip(tables, in_common(*tables.values()), strict=True))
