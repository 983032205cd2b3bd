"""C1, one oracle or many: how two fits of an object are judged, and what the chapter draws of them."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import pandas as pd
import torch

from lrm_core.findings.claims import headline, published
from lrm_core.findings.figures import WHITE, Lines, Panel, Picture, Row, Series, Strips, window
from lrm_core.findings.finding import Finding
from lrm_core.findings.prose import counted
from lrm_core.findings.rules import NOT_REPLICATED, Case, Condition, Rule, artefact, judge
from lrm_core.measure.oracles import render_like
from lrm_core.records.statistics import per_object
from lrm_core.render.cameras import Views
from lrm_core.render.quality import psnr

PAIRS = published("C1")
# 1 dB: what a seed or a longer fit changes between equally good fits; also the least height of a ridge.
# 0 dB of closeness: the oracles are nearer to each other, as images, than the prediction is to the truth.
# 0.3: correlation below which two triplanes share less than a tenth of their variance (published: 0.12).
# 0.7: correlation above which they share about half of it or more, so that nobody would call them far apart.
ALIKE_DB, RIDGE_DB, FAR, NEAR = 1.0, 1.0, 0.3, 0.7
ALL_TEXELS = "published.random_vs_predinit.channel_correlation"
MATTER = "audited.random_vs_predinit.channel_correlation"
FEATURES = "audited.random_vs_predinit.features_correlation"
BARRIER = "path.barrier"
ALIKE = (
    Condition("alike.gap", -ALIKE_DB, ALIKE_DB, "one of the two fits renders better than the other"),
    Condition("alike.closeness", over=0, failed="their renders are not shown to be alike"),
)  # as pictures

CASES = (
    *(
        artefact(
            f"correlation over all texels below {NEAR}, but above it {where}",
            [Condition(ALL_TEXELS, under=NEAR), Condition(column, over=NEAR)],
        )
        for column, where in (
            (MATTER, "in the texels that matter reads"),
            (FEATURES, "behind the decoder's first layer"),
        )
    ),
    Case(
        "replicated",
        f"held-out PSNR of the oracles within {ALIKE_DB:g} dB, their renders closer to each other than the "
        f"prediction's to the truth, correlation in the texels that matter reads below {FAR}, and between them a "
        f"ridge of more than {RIDGE_DB:g} dB",
        [*ALIKE, Condition(MATTER, under=FAR), Condition(BARRIER, over=RIDGE_DB)],
    ),
    Case(
        "replicated with a different size",
        f"alike as above, and that correlation below {NEAR}, ridge or not",
        [*ALIKE, Condition(MATTER, under=NEAR, failed="their numbers are not shown to be apart")],
    ),
    NOT_REPLICATED,
)
RULE = Rule(claim="C1", experiment="e02_basins", ours=ALL_TEXELS, audited=MATTER, cases=CASES)


def _repeated(table: pd.DataFrame) -> pd.DataFrame:
    """The records of the objects that have the most seeds."""
    counts = table.groupby("object")["seed"].transform("nunique")
    return table[counts == counts.max()]


def _seed_spread(table: pd.DataFrame) -> float:
    """Standard deviation over the seeds of an object, its square averaged over objects; NaN with one seed."""
    repeated = _repeated(table)
    return sqrt(pd.to_numeric(repeated[MATTER]).groupby(repeated["object"]).var().mean())


def _by_seed(table: pd.DataFrame) -> str:
    verdicts = {judge(RULE, mine).case.verdict for _, mine in _repeated(table).groupby("seed")}
    return "the same verdict" if len(verdicts) == 1 else "more than one verdict"


@torch.no_grad()
def along(page: Any) -> list[Mapping[str, Picture]]:
    """A held-out view of a page's object on the line from the oracle from noise to the other, by caption."""
    noise, prediction = (page.oracle(start).planes for start in ("random", "predicted"))
    view = Views(page.views.images[:1], page.views.cameras[:1])
    square, pictures = window((view.images[0] < WHITE).any(0)), {}
    for t in (0, 0.5, 1):
        seen = render_like(page.model, torch.lerp(noise, prediction, t), view)
        pictures[f"{t:g}: {float(psnr(seen, view.images)):.1f} dB"] = seen[0][:, *square]
    return [pictures]


FINDING = Finding(
    rule=RULE,
    typical=(ALL_TEXELS, MATTER, BARRIER),
    starts=("predicted", "random"),
    derived={"path.over": lambda table: table["path.psnr"].map(lambda at: [dB - min(at[0], at[-1]) for dB in at])},
    facts={
        **{f"published.{pair}": lambda table, of=PAIRS[pair]["channel_correlation"]: of for pair in list(PAIRS)[1:]},
        "ridge": lambda table: RIDGE_DB,
        "ridges": lambda table: counted(per_object(table, BARRIER) > RIDGE_DB),
        "seeds": lambda table: int(_repeated(table)["seed"].nunique()),
        "seeds.objects": lambda table: int(_repeated(table)["object"].nunique()),
        "seeds.spread": _seed_spread,
        "seeds.verdict": _by_seed,
        "objects.spread": lambda table: per_object(_repeated(table), MATTER).std(),
    },
    figures={
        "line": Lines(
            x=lambda table: table["path.t"].iloc[0],
            axes=("from the oracle from noise (0) to the other (1)", "dB to the truth, over the lower end"),
            series=(Series("mean of the objects", "path.over", "predinit"),),
            pictures=along,
            span=(-0.02, 1.02),
        ),
        "alike": Strips(
            Panel(
                "PSNR in held-out views (dB): to the right is closer",
                (
                    Row("prediction, to the truth", "heldout.psnr.pred"),
                    Row("oracle from the prediction, to the truth", "heldout.psnr.predinit"),
                    Row("oracle from noise, to the truth", "heldout.psnr.random"),
                    Row("one oracle, to the other", "heldout.psnr_between.random_vs_predinit"),
                ),
            ),
            Panel(
                "correlation of the two oracles: to the right is closer",
                (
                    Row("over all texels, as published", ALL_TEXELS, {"published": headline("C1")}),
                    Row("over texels that the object occupies", MATTER),
                    Row("behind the decoder's first layer", FEATURES),
                ),
                {"far": FAR, "near": NEAR},
            ),
        ),
    },
)
