"""Records made again from nothing, and how far they are from the stored ones.

Sums in another order end in other last digits, which an oracle's thousands of steps make larger. What that may come
to was written down before the store was repeated, in standard deviations of a number over the objects: of all numbers
of an experiment a share of `SHARE` comes within `TOLERANCE`, save those of null oracles, which measure the noise of a
fit itself; the numbers by which a claim is judged do so for every object; and the claim gets the same verdict.
"""

from math import inf
from pathlib import Path
from typing import Any

import pandas as pd

from lrm_core.atomic import replacing
from lrm_core.canonical import numbers
from lrm_core.findings.prose import number, percent
from lrm_core.findings.rules import Rule, judge
from lrm_core.findings.verdicts import RULES, experiment_table
from lrm_core.measure.experiments import EXPERIMENTS
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import get_profile
from lrm_core.records.runner import record_all
from lrm_core.records.statistics import in_common, per_object
from lrm_core.records.store import ResultStore

TOLERANCE, SHARE = 0.2, 0.95
EXPERIMENTS_TABLE, CLAIMS = "repeated/experiments.csv", "repeated/claims.csv"  # beside the records
NOISE = "null"  # in the names of numbers that measure the noise of a fit
CLAIM = ("claim", "objects", "stored", "again", "largest", "verdict", "verdict_again", "passes")
ROW = ["object", "seed", "fingerprint"]


def repeat(profile: str, folder: Path, **which: Any) -> ResultStore:
    """Make stored records again in `folder`, with oracles of their own; returns their store. Other arguments
    (experiments, objects, processes) and errors as of `record_all`; what is there already is kept."""
    store, oracles = ResultStore(folder / "records"), OracleCache(folder / "oracles", shipped=folder / "oracles")
    record_all(profile, **which, like=ResultStore(get_profile(profile).results), store=store, cache=oracles)
    return store


def keep_repetition(profile: str, again: ResultStore) -> list[pd.DataFrame]:
    """Hold new records against the stored ones: a row for each experiment and for each claim that has any, with
    `passes`. Both tables are written beside the stored records and returned. ValueError if a new record has no stored
    one of the same weights, data and settings.
    """
    stored = ResultStore(get_profile(profile).results)
    found = {name: (_numbers(stored, name), new) for name in EXPERIMENTS if len(new := _numbers(again, name))}
    rows = [_experiment(name, *both) for name, both in found.items()]
    claims = [
        _claim(rule, *(experiment_table(rule.experiment, profile, store=s) for s in (stored, again)))
        for rule in RULES.values()
        if rule.experiment in found
    ]
    tables = {EXPERIMENTS_TABLE: pd.DataFrame(rows), CLAIMS: pd.DataFrame(claims, columns=CLAIM)}
    for name, table in tables.items():
        with replacing(get_profile(profile).results / name) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
    return [*tables.values()]


def _numbers(store: ResultStore, experiment: str) -> pd.DataFrame:
    """A column for every number, a row for each record."""
    rows = [
        {name: record[name] for name in ROW}
        | {name: float(x) for name, x in numbers(record["result"]).items() if NOISE not in name}
        for record in store.records(experiment)
    ]
    return pd.DataFrame(rows, columns=None if rows else ROW).set_index(ROW)


def _experiment(name: str, old: pd.DataFrame, new: pd.DataFrame) -> dict[str, object]:
    for item, seed, _ in new.index.difference(old.index):
        raise ValueError(f"{name} of {item}, seed {seed}: no such stored record; run `lrm records` first")
    apart = _apart(new, old, old.groupby(level="seed").transform("std")).stack()
    item, seed, _, number = apart.idxmax()
    within = (apart <= TOLERANCE).mean()
    return {
        "experiment": name,
        "objects": new.index.get_level_values("object").nunique(),
        "records": len(new),
        "numbers": len(apart),
        "equal": (apart == 0).mean(),
        "within": within,
        "largest": apart.max(),
        "where": f"{item}, seed {seed}: {number}" if apart.max() else "nowhere",
        "passes": within >= SHARE,
    }


def _apart(new: pd.DataFrame, old: pd.DataFrame, spread: pd.DataFrame) -> pd.DataFrame:
    """Differences in units of `spread`: NaN where neither has a number, inf where only one has, or has no spread."""
    new, old = new.align(old.reindex(new.index))
    units = (new - old).abs() / spread.reindex_like(new)
    return units.fillna(inf).mask(new == old, 0.0).mask(new.isna() & old.isna())


def _claim(rule: Rule, stored: pd.DataFrame, again: pd.DataFrame) -> tuple:
    """A row of `CLAIM`, on what both tables have; `largest` is of one object by either definition."""
    tables = in_common(stored, again)
    every, old, new = (
        pd.DataFrame({name: per_object(table, name) for name in (rule.ours, rule.audited)})
        for table in (stored, *tables)
    )
    spread = every.transform(lambda column: [column.std()] * len(column))
    largest = float(_apart(new.reindex(old.index), old, spread).max(axis=None))
    by_old, by_new = (judge(rule, table) for table in tables)
    verdicts = by_old.case.verdict, by_new.case.verdict
    passes = verdicts[0] == verdicts[1] and not largest > TOLERANCE
    means = by_old.audited.estimate, by_new.audited.estimate
    return rule.claim, by_new.audited.n, *means, largest, *verdicts, passes


def repetition_sentence(profile: str) -> str:
    """How many records were made again, and how far their numbers and verdicts were from the stored ones."""
    folder = get_profile(profile).results
    if not (folder / EXPERIMENTS_TABLE).exists():
        return f"No record of the profile {profile} has been repeated yet."
    experiments, claims = (pd.read_csv(folder / name) for name in (EXPERIMENTS_TABLE, CLAIMS))
    stayed, numbers = claims["verdict"] == claims["verdict_again"], experiments["numbers"]
    equal, within = ((experiments[name] * numbers).sum() / numbers.sum() for name in ("equal", "within"))
    return (
        f"{experiments['records'].sum()} records of {experiments['objects'].max()} objects were made again: "
        f"of {numbers.sum():,} numbers {percent(equal)} came out with the same digits and {percent(within)} within "
        f"{TOLERANCE:g} standard deviations (in the experiment that was worst "
        f"{percent(experiments['within'].min())}, where {percent(SHARE)} were asked); those of the claims came "
        f"within {number(claims['largest'].max(), 3)}, and {stayed.sum()} of {len(claims)} verdicts on these objects "
        "stayed what they were."
    )
