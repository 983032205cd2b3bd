"""Records made again from nothing, and how far they are from the stored ones.

Sums in another order (another number of threads, another machine) end in other last digits, which an oracle's
thousands of steps make larger. What that may come to was written down before the store was repeated; one object had
been, by which a null oracle was seen to be noise. A difference is counted in standard deviations of that number over
the objects, so that 1 is as far as objects are from each other:

- the numbers by which a claim is judged, by both of its definitions, come within `TOLERANCE` of one for every
  object: with independent differences no end of an interval over objects then moves by more than about a tenth of
  its half width;
- of all numbers of an experiment a share of at least `SHARE` does, save those of null oracles, which measure the
  noise of a fit itself;
- every claim gets the same verdict on the objects that were repeated.
"""

from collections.abc import Sequence
from math import inf
from pathlib import Path

import numpy as np
import pandas as pd

from lrm_core.atomic import replacing
from lrm_core.canonical import numbers
from lrm_core.findings.rulebook import RULES
from lrm_core.findings.rules import Rule
from lrm_core.findings.verdicts import experiment_table, judge
from lrm_core.measure.experiments import EXPERIMENTS
from lrm_core.measure.oracles import OracleCache
from lrm_core.profiles import get_profile
from lrm_core.records.runner import record_all
from lrm_core.records.statistics import in_common, per_object
from lrm_core.records.store import ResultStore

TOLERANCE, SHARE = 0.2, 0.95
CLAIM_COLUMNS = ("claim", "objects", "stored", "again", "largest", "verdict", "verdict_again", "passes")
FOLDER, EXPERIMENTS_TABLE, CLAIMS = "repeated", "experiments.csv", "claims.csv"  # beside the records
NOISE = "null"  # in the names of numbers that measure the noise of a fit


def repeat(
    profile: str,
    folder: Path,
    experiments: Sequence[str] | None = None,
    objects: Sequence[str] | None = None,
    processes: int = 1,
) -> ResultStore:
    """Make stored records again in a store of their own, with oracles of their own.

    What is in the folder already is kept.

    Args:
        profile, experiments, objects, processes: as in `record_all`.
        folder: gets records and oracles.

    Returns:
        The store of the new records.

    Raises:
        ValueError, FileNotFoundError, ChildProcessError: as `record_all`.
    """
    store, oracles = ResultStore(folder / "records"), folder / "oracles"
    record_all(
        profile,
        experiments,
        objects=objects,
        store=store,
        cache=OracleCache(oracles, shipped=oracles),
        like=ResultStore(get_profile(profile).results),
        processes=processes,
    )
    return store


def tables_folder(profile: str) -> Path:
    """Where the tables of the last repetition lie."""
    return get_profile(profile).results / FOLDER


def keep_repetition(profile: str, again: ResultStore) -> list[pd.DataFrame]:
    """Hold new records against the stored ones; both tables are written beside these and returned.

    Raises:
        ValueError: as `repeated_experiments` and `repeated_claims`.
    """
    stored = ResultStore(get_profile(profile).results)
    tables = {
        EXPERIMENTS_TABLE: repeated_experiments(stored, again),
        CLAIMS: repeated_claims(profile, stored, again),
    }
    for name, table in tables.items():
        with replacing(tables_folder(profile) / name) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
    return [*tables.values()]


def repeated_experiments(stored: ResultStore, again: ResultStore) -> pd.DataFrame:
    """How far the numbers of each experiment are from the stored ones, in standard deviations over the objects.

    Returns:
        One row per experiment with a new record: experiment, objects, records, numbers, equal (share of the numbers
        with the same digits), within (share within the tolerance), largest, where (object and name of the largest),
        passes.

    Raises:
        ValueError: if a new record has no stored one of the same weights, data and settings.
    """
    found = {name: (_numbers(stored, name), _numbers(again, name)) for name in EXPERIMENTS}
    return pd.DataFrame([_experiment_row(name, *both) for name, both in found.items() if len(both[1])])


def repeated_claims(profile: str, stored: ResultStore, again: ResultStore) -> pd.DataFrame:
    """Each claim judged by the stored and by the new records of the objects and seeds that both have.

    Returns:
        One row per claim with a new record: claim, objects, stored and again (audited, mean over objects), largest
        (difference of one object by either definition, in standard deviations over all stored objects), verdict,
        verdict_again, passes.

    Raises:
        ValueError: as `experiment_table`.
    """
    rows = []
    for rule in RULES.values():
        if rule.experiment in EXPERIMENTS:
            tables = [experiment_table(rule.experiment, profile=profile, store=s) for s in (stored, again)]
            rows += [] if tables[1].empty else [_claim_row(rule, *tables)]
    return pd.DataFrame(rows, columns=list(CLAIM_COLUMNS))


def _numbers(store: ResultStore, experiment: str) -> pd.DataFrame:
    """A column for every number, save those of null oracles; a row for each object, seed and fingerprint."""
    rows = {
        (record["object"], record["seed"], record["fingerprint"]): {
            name: float(value) for name, value in numbers(record["result"]).items() if NOISE not in name
        }
        for record in store.records(experiment)
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _experiment_row(name: str, old: pd.DataFrame, new: pd.DataFrame) -> dict[str, object]:
    for item, seed, _ in new.index.difference(old.index):
        raise ValueError(
            f"{name} of {item}, seed {seed}: expected a stored record of the same weights, data and settings, found "
            "none; run `lrm records` first"
        )
    spread = old.groupby(level=1).transform("std")
    apart = _apart(new, old.loc[new.index], spread.loc[new.index]).stack()
    item, seed, _, number = apart.idxmax()
    return {
        "experiment": name,
        "objects": new.index.get_level_values(0).nunique(),
        "records": len(new),
        "numbers": len(apart),
        "equal": (apart == 0).mean(),
        "within": (apart <= TOLERANCE).mean(),
        "largest": apart.max(),
        "where": f"{item}, seed {seed}: {number}" if apart.max() else "nowhere",
        "passes": (apart <= TOLERANCE).mean() >= SHARE,
    }


def _apart(new: pd.DataFrame, old: pd.DataFrame, spread: pd.DataFrame) -> pd.DataFrame:
    """Differences in units of `spread`; NaN where both have no number.

    Infinite where only one of them has, or where the objects do not differ but the two do.
    """
    new, old = new.align(old)
    spread = spread.reindex_like(new)
    same = np.where(np.isclose(new, old, rtol=1e-5, atol=0), 0, inf)
    units = ((new - old).abs() / spread).where(spread > 0, same).fillna(inf)
    return units.mask(new == old, 0.0).mask(new.isna() & old.isna())


def _claim_row(rule: Rule, stored: pd.DataFrame, again: pd.DataFrame) -> dict[str, object]:
    old, new = in_common(stored, again)
    by_object = [
        pd.DataFrame({name: per_object(table, name) for name in (rule.ours, rule.audited)})
        for table in (new, old, stored)
    ]
    spread = by_object[2].transform(lambda column: np.full(len(column), column.std()))
    largest = float(_apart(*by_object[:2], spread).max(axis=None)) if len(by_object[1]) else 0.0
    by_old, by_new = judge(rule, old), judge(rule, new)
    return {
        "claim": rule.claim,
        "objects": by_new.audited.n,
        "stored": by_old.audited.estimate,
        "again": by_new.audited.estimate,
        "largest": largest,
        "verdict": by_old.case.verdict,
        "verdict_again": by_new.case.verdict,
        "passes": largest <= TOLERANCE and by_old.case.verdict == by_new.case.verdict,
    }
