"""Claims C10 to C14: pairing, intervals, and each case of each rule on made-up runs."""

import math
from collections.abc import Mapping
from itertools import product
from math import isnan

import numpy as np
import pandas as pd
import pytest

from lrm_core.findings.c10 import EXPERIMENT as RULES_EXPERIMENT
from lrm_core.findings.claims import headline
from lrm_core.findings.rules import Rule, judge
from lrm_core.findings.verdicts import RULES, claim_columns, experiment_table, verdicts
from lrm_core.profiles import get_profile
from lrm_core.records.arm_tables import COLUMNS, best_rank, best_ranks, changes, paired, worst
from lrm_core.records.arms import ARMS, EXPERIMENT, RANKS, arm_seeds, configuration, rank_arm
from lrm_core.records.provenance import Provenance
from lrm_core.records.statistics import (
    bca_interval,
    crossed_bootstrap,
    interval_of,
    per_object,
)
from lrm_core.records.store import RecordKey, ResultStore

SIZES = {
    "trainable": 10,
    "transformer": 100,
    "parameters": 1000,
    "base": {"trainable": 147_456, "transformer": 170_041_344, "parameters": 260_201_972},
}
GAIN = {name: -0.16 for name in ARMS}  # relative change of L1 by each arm
WEAK = {"lora_mse_x25": -0.02}
Rises = Mapping[tuple[str, int], float]


def made_up(
    l1: Mapping[str, float] | None = None,
    lpips: Mapping[str, float] | None = None,
    rises: Rises | None = None,
    objects: int = 12,
    seeds: int = 5,
    jitter: float = 0.002,
    leave_out: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Runs of every arm: changes of L1 and LPIPS by arm, of the L1 of single objects, each with some noise."""
    l1, lpips, rises = GAIN | (l1 or {}), lpips or {}, rises or {}
    rows = []
    for name, arm in ARMS.items():
        if name in leave_out:
            continue
        for seed, k, step in product(range(min(seeds, arm.seeds)), range(objects), (0, 500)):
            before = {"l1": 0.03 + 0.001 * k, "lpips": 0.16 + 0.001 * k}
            change = rises.get((name, k), l1[name]) + jitter * _wobble(k, seed, name)
            drop = lpips.get(name, -0.01) + jitter * 0.1 * _wobble(k, seed, name, 1)
            after = {"l1": before["l1"] * (1 + change), "lpips": before["lpips"] + drop}
            value = after if step else before
            rows.append((name, seed, f"o{k:02}", "real", step, value["l1"], 20.0, 0.9, value["lpips"]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _wobble(k: int, seed: int, name: str, which: int = 0) -> float:
    """Within 1 of 0, another one for each object, seed and arm."""
    return math.sin(1e4 * (1 + k + 17 * seed + 101 * list(ARMS).index(name) + 5003 * which))


def case(claim: str, table: pd.DataFrame) -> int:
    """Number of the case that decides."""
    rule: Rule = RULES[claim]
    return rule.cases.index(judge(rule, claim_columns(table, SIZES)).case)


DROPS = (-0.01, -0.02, -0.012, -0.01, -0.005)
BY_RANK = {rank_arm("freq", rank): drop for rank, drop in zip(RANKS, DROPS, strict=True)}
FREQ_BETTER = {rank_arm("freq", rank): -0.018 for rank in RANKS}
CASES = [
    ("C10", 0, made_up(seeds=2)),
    ("C10", 1, made_up({"lora_freq_true_distance": -0.03} | WEAK)),
    ("C10", 2, made_up()),
    ("C10", 3, made_up(WEAK)),
    ("C10", 4, made_up(WEAK | {"lora_freq_r8": -0.4})),
    ("C10", 4, made_up(WEAK, rises={("lora_freq", 3): 0.05})),
    ("C10", 5, made_up({name: 0.02 for name in ARMS})),
    ("C10", 5, made_up(WEAK, {"lora_freq": 0.01})),
    ("C11", 0, made_up(seeds=2)),
    ("C11", 1, made_up(lpips=FREQ_BETTER, objects=7)),
    ("C11", 2, made_up(lpips=FREQ_BETTER | {"lora_mse_x25": -0.017})),
    ("C11", 3, made_up(lpips=FREQ_BETTER)),
    ("C11", 4, made_up(lpips={name: -0.05 for name in FREQ_BETTER})),
    ("C11", 5, made_up(lpips=FREQ_BETTER | {"lora_freq_r16": -0.01})),
    ("C11", 5, made_up()),
    ("C12", 0, made_up(seeds=2)),
    ("C12", 1, made_up(lpips=BY_RANK)),
    ("C12", 2, made_up(lpips=BY_RANK | {"lora_freq_r8": -0.03})),
    ("C12", 4, made_up(lpips=BY_RANK | {"lora_freq_r32": -0.03})),
    ("C13", 0, made_up(seeds=2)),
    ("C13", 1, made_up(rises={("full_mse", 5): 0.3, ("lora_mse", 2): 0.2})),
    ("C13", 2, made_up(rises={("full_mse", 5): 0.3})),
    ("C13", 3, made_up(rises={("full_mse", 5): 0.1})),
    ("C13", 4, made_up()),
    ("C13", 1, made_up(rises={("full_mse", 5): 0.3, ("lora_freq", 5): 0.3})),
]


@pytest.mark.parametrize(("claim", "expected", "table"), CASES)
def test_each_case_is_reached(claim, expected, table):
    assert case(claim, table) == expected


def test_the_best_rank_of_one_run_may_be_chance():
    """Rank 4 is the best for seed 0 and rank 32 for the others, on every object."""
    table = made_up(lpips=BY_RANK)
    later = (table["arm"] == "lora_freq_r32") & (table["seed"] > 0) & (table["step"] == 500)
    table.loc[later, "lpips"] -= 0.03
    assert RULES["C12"].cases[case("C12", table)].verdict == "metric artefact"
    assert best_ranks(table).to_dict() == {0: 4, 1: 32, 2: 32}
    found = best_rank(table)
    assert (found.estimate, found.low, found.high) == (32, 4, 32)


def test_what_was_counted_needs_no_seeds():
    table = claim_columns(made_up(seeds=1), SIZES)
    found = judge(RULES["C14"], table)
    assert found.case.verdict == "replicated with a different size"
    assert found.ours.estimate == pytest.approx(0.000867, abs=1e-6)
    assert found.audited.low == found.audited.estimate == found.audited.high == 147_456 / 260_201_972
    for sizes, verdict in (((5000, 10_000), "replicated"), ((18, 20), "not replicated")):
        base = {"trainable": 9, **dict(zip(("transformer", "parameters"), sizes, strict=True))}
        assert judge(RULES["C14"], claim_columns(made_up(seeds=1), {"base": base})).case.verdict == verdict


def test_missing_arms_and_few_objects_are_not_testable():
    for claim, arm in (("C10", "lora_freq_true_distance"), ("C12", "lora_freq_r32"), ("C13", "full_mse")):
        found = judge(RULES[claim], claim_columns(made_up(leave_out=(arm,)), SIZES))
        assert found.case.verdict == "not testable here"
        assert found.audited.n == 0
    for claim in ("C10", "C11", "C12", "C13"):
        found = judge(RULES[claim], claim_columns(made_up(objects=2), SIZES))
        assert found.case.verdict == "not testable here"
        assert isnan(found.audited.low)


def test_pairs_are_those_of_object_and_seed():
    table = made_up().sample(frac=1, random_state=0)
    value = {(r.arm, r.seed, r.object, r.step): r.lpips for r in table.itertuples()}
    found = paired(table, "lora_freq", "lora_freq_r8", "lpips")  # five seeds and three
    assert found.index.tolist() == sorted(table["object"].unique())
    for name, difference in found.items():
        plain = [value["lora_freq", seed, name, 500] - value["lora_freq_r8", seed, name, 500] for seed in range(3)]
        assert difference == pytest.approx(sum(plain) / 3, rel=1e-9)
    assert paired(table[table["seed"] > 0], "lora_freq", "full_mse", "l1").empty


def test_the_worst_object_of_an_arm():
    table = made_up(rises={("lora_mse", 4): 0.2, ("full_mse", 7): 0.5, ("full_mse", 4): 0.6})
    found = worst(table, "lora_mse")
    assert found.estimate == pytest.approx(changes(table, "lora_mse", "l1").loc["o04"].mean())
    assert found.low < 0.1 < found.estimate < found.high
    beyond = worst(table, "full_mse", control="lora_mse")  # at object 7: 0.5 + 0.16, at object 4: 0.6 - 0.2
    assert beyond.estimate == pytest.approx(0.66, abs=0.005)
    assert worst(table, "lora_mse", control="full_mse").estimate == pytest.approx(0.0, abs=0.005)


def test_intervals_know_that_seeds_may_disagree():
    """All objects alike and the seeds of one arm far apart: over objects alone the interval is short."""
    table = made_up(WEAK)
    end = (table["arm"] == "lora_freq") & (table["step"] == 500)
    table.loc[end, "l1"] *= 1 + 0.2 * (table.loc[end, "seed"] - 2)
    columns, name = claim_columns(table, SIZES), "margin.freq_minus_x25.l1"
    found, alone = interval_of(columns, name), bca_interval(per_object(columns, name).to_numpy())
    assert found.estimate == pytest.approx(alone.estimate)
    assert alone.high < 0 < found.high
    assert judge(RULES["C10"], columns).case.verdict == "not replicated"


def worst_object(values):
    return values[0].mean(-1).max(-1)


def test_crossed_bootstrap_takes_objects_and_seeds():
    """Against loops over every draw of 3 objects and 2 seeds, of which there are few."""
    values = np.array([[[0.0, 1.0], [2.0, 5.0], [4.0, 9.0]]])
    every = sorted(
        max(np.mean([values[0, k, seed] for seed in seeds]) for k in objects)
        for objects in product(range(3), repeat=3)
        for seeds in product(range(2), repeat=2)
    )
    expected = [every[int(np.ceil(q * len(every))) - 1] for q in (0.25, 0.75)]
    found = crossed_bootstrap(values, worst_object, level=0.5, resamples=4000)
    assert [found.low, found.high] == expected
    assert found.estimate == 6.5
    draws = np.random.default_rng(0).normal(size=(1, 6, 4))
    both = np.concatenate([draws, draws + 0.1])  # a difference without spread, since the same is drawn of every arm
    found = crossed_bootstrap(both, lambda v: (v[1] - v[0]).mean((-2, -1)))
    assert (found.low, found.high, found.n) == (pytest.approx(0.1), pytest.approx(0.1), 6)
    assert crossed_bootstrap(both, lambda v: np.asarray((7.0, 8.0))[v.mean((-2, -1)).argmin(0)]).high == 7
    assert isnan(crossed_bootstrap(values[:, :2], worst_object).low)
    with pytest.raises(ValueError, match="expected finite values"):
        crossed_bootstrap(values * np.nan, worst_object)


def put(store: ResultStore, table: pd.DataFrame, arm: str, seed: int, model_hash: str = "weights") -> None:
    """The record of an arm and seed with the numbers of a table of runs."""
    mine = table[(table["arm"] == arm) & (table["seed"] == seed)]
    objects = {
        name: {"group": "real"} | {m: part[m].tolist() for m in ("l1", "psnr", "ssim", "lpips")}
        for name, part in mine.groupby("object")
    }
    decided = configuration(get_profile("mini"), ARMS[arm], seed)
    key = RecordKey(EXPERIMENT, arm, seed, model_hash, "data", decided)
    result = {"arm": arm, "steps": [0, 500], "objects": objects, **SIZES}
    store.put(key, result, Provenance("mini", "abc", {}, 1.0))


def test_the_scorecard_reads_the_records(tmp_path):
    table, store = made_up(WEAK, BY_RANK | {"lora_freq_r32": -0.03}), ResultStore(tmp_path)
    for name, arm in ARMS.items():
        for seed in arm_seeds(get_profile("mini"), arm):
            put(store, table, name, seed)
    card = verdicts("mini", store=store, model_hash="weights").set_index("claim").loc["C10":"C14"]
    verdicts_there = ["replicated", *["not replicated"] * 3, "replicated with a different size"]
    assert card["verdict"].tolist() == verdicts_there
    assert card.loc["C10", "audited"] == pytest.approx(-0.16, abs=0.001)
    assert card.loc["C10", "low"] < card.loc["C10", "audited"] < card.loc["C10", "high"]
    assert card["objects"].tolist() == [12] * 5
    assert card.loc["C14", "low"] == card.loc["C14", "high"] == pytest.approx(0.00056670, abs=1e-8)
    assert experiment_table(EXPERIMENT, "mini", "other", store).empty


def test_records_of_two_models_are_not_mixed(tmp_path, monkeypatch):
    monkeypatch.setattr("lrm_core.records.arm_tables.weights_hash", lambda model: None)
    table, store = made_up(), ResultStore(tmp_path)
    put(store, table, "lora_mse", 0)
    assert len(experiment_table(EXPERIMENT, "mini", store=store)) == 12
    put(store, table, "lora_freq", 0, "other weights")
    with pytest.raises(ValueError, match="records of different weights"):
        experiment_table(EXPERIMENT, "mini", store=store)


def test_every_case_of_every_rule_is_tried():
    assert RULES_EXPERIMENT == EXPERIMENT
    tried = {(claim, number) for claim, number, _ in CASES} | {("C12", 3)}
    wanted = {(claim, k) for claim in ("C10", "C11", "C12", "C13") for k in range(len(RULES[claim].cases))}
    assert tried == wanted
    assert headline("C11") == pytest.approx(-0.00767, abs=1e-5)
