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

from collections.abc import Callable, Sequence
from functools import cache, partial
from math import inf, isclose, nan
from pathlib import Path
from statistics import stdev
from typing import Any

import pandas as pd

from lrm_core.atomic import replacing
from lrm_core.evidence.canonical import numbers
from lrm_core.evidence.experiments import EXPERIMENTS
from lrm_core.evidence.oracles import OracleCache
from lrm_core.evidence.rulebook import RULES
from lrm_core.evidence.rules import Rule
from lrm_core.evidence.runner import record_all
from lrm_core.evidence.statistics import in_common, per_object
from lrm_core.evidence.store import ResultStore
from lrm_core.evidence.verdicts import experiment_table, judge
from lrm_core.profiles import get_profile

TOLERANCE, SHARE = 0.2, 0.95
CLAIM_COLUMNS = ("claim", "objects", "stored", "again", "largest", "verdict", "verdict_again", "passes")
FOLDER, EXPERIMENTS_TABLE, CLAIMS = (
    "repeated",
    "experiments.csv",
    "claims.csv",
)  # beside the records of a profile
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
    found = {name: list(again.records(name)) for name in EXPERIMENTS}
    return pd.DataFrame(
        [_experiment_row(name, new, list(stored.records(name))) for name, new in found.items() if new]
    )


def repeated_claims(profile: str, stored: ResultStore, again: ResultStore) -> pd.DataFrame:
    """Each claim judged by the stored and by the new records of the objects and seeds that both have.

    Returns:
        One row per claim with a new record: claim, objects, stored and again (audited, mean over objects), largest
        (difference of one object by either definition, in standard deviations over all stored objects), verdict,
        verdict_again, passes.

    Raises:
        ValueError: as `experiment_table`.
    """
    rules = [rule for rule in RULES.values() if rule.experiment in EXPERIMENTS]
    table = cache(partial(experiment_table, profile=profile))
    pairs = [
        (rule, table(rule.experiment, store=stored), table(rule.experiment, store=again)) for rule in rules
    ]
    rows = [_claim_row(*pair) for pair in pairs if not pair[2].empty]
    return pd.DataFrame(rows, columns=list(CLAIM_COLUMNS))


def _experiment_row(name: str, new: list[dict[str, Any]], old: list[dict[str, Any]]) -> dict[str, Any]:
    stored = {(record["object"], record["seed"]): record for record in old}
    results = {key: _counted(record) for key, record in stored.items()}
    differences = {}
    for record in new:
        key = record["object"], record["seed"]
        if key not in stored or stored[key]["fingerprint"] != record["fingerprint"]:
            raise ValueError(
                f"{name} of {key[0]}, seed {key[1]}: expected a stored record of the same weights, data and "
                "settings, found none; run `lrm records` first"
            )
        alike = [result for (_, seed), result in results.items() if seed == key[1]]
        found = _differences(_counted(record), results[key], alike)
        differences |= {f"{key[0]}, seed {key[1]}: {number}": value for number, value in found.items()}
    farthest = max(differences, key=differences.get)
    within = _share(differences, lambda difference: difference <= TOLERANCE)
    return {
        "experiment": name,
        "objects": len({record["object"] for record in new}),
        "records": len(new),
        "numbers": len(differences),
        "equal": _share(differences, lambda difference: difference == 0),
        "within": within,
        "largest": differences[farthest],
        "where": farthest if differences[farthest] else "nowhere",
        "passes": within >= SHARE,
    }


def _share(differences: dict[str, float], holds: Callable[[float], bool]) -> float:
    return sum(map(holds, differences.values())) / len(differences)


def _counted(record: dict[str, Any]) -> dict[str, float]:
    """Every number of a record by its name, save those of null oracles."""
    return {name: float(value) for name, value in numbers(record["result"]).items() if NOISE not in name}


def _differences(
    new: dict[str, float], old: dict[str, float], alike: Sequence[dict[str, float]]
) -> dict[str, float]:
    """Difference of each number from the stored one, in standard deviations over the objects of the same seed."""
    return {
        name: _difference(
            new.get(name, nan), old.get(name, nan), [values[name] for values in alike if name in values]
        )
        for name in new | old
    }


def _difference(new: float, old: float, over_objects: Sequence[float]) -> float:
    """In standard deviations; infinite where only one of them is a number, or objects do not differ but they do."""
    if new == old:
        return 0.0
    spread = stdev(over_objects) if len(over_objects) > 1 else 0.0
    difference = abs(new - old)
    if spread:
        return difference / spread if difference == difference else inf
    return 0.0 if isclose(new, old, rel_tol=1e-5) else inf


def _claim_row(rule: Rule, stored: pd.DataFrame, again: pd.DataFrame) -> dict[str, Any]:
    old, new = in_common(stored, again)
    largest = max(_largest(column, stored, old, new) for column in (rule.ours, rule.audited))
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


def _largest(column: str, stored: pd.DataFrame, old: pd.DataFrame, new: pd.DataFrame) -> float:
    """Largest difference of a column between new and old, over its standard deviation in all that is stored.

    Infinite where only one of them has a number.
    """
    apart = (per_object(new, column) - per_object(old, column)).abs()
    units = apart.where(apart == 0, apart / per_object(stored, column).std())
    return float(units.fillna(inf).max()) if len(units) else 0.0
