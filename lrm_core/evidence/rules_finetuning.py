"""The rules of claims C10 to C13, which rest on the arms of fine-tuning (experiments E13 to E15).

They were written down before any record of an arm, and without having seen the scores of any run. Their columns are
those of `lrm_core.evidence.arm_claims`; a change is relative to the untouched model, so a gain in L1 is below 0.

The intervals of means were first over objects alone. That they take in seeds as well was decided after the runs,
since two of five seeds contradicted an interval that excluded zero; no verdict is another one by it.
"""

from lrm_core.evidence.claims import published
from lrm_core.evidence.headlines import headline
from lrm_core.evidence.rules import OTHERWISE, Case, Intervals, Rule, above, below, within

EXPERIMENT = "e14_finetuning"

# All of them. 3: fewer seeds have no spread to speak of; the published runs had one (audit A8).
FEWEST_SEEDS = 3


def _few_seeds(claim: str, arms: str) -> Case:
    return Case(
        "not testable here",
        f"fewer than {FEWEST_SEEDS} seeds of {arms}",
        lambda x: x(f"seeds.{claim}").estimate < FEWEST_SEEDS,
    )


# C10. "LoRA-FreqLoss improves held-out renders, and no object gets worse."
# The number is that of rank 8 as published (change of the mean, the encoder told 2.0 for every object). Audited is
#   the change of each object at rank 4, the encoder told the object's own distance, which no repair of a wrong scale
#   can make up (audit A9).
# Half: a gain of which a control has more than half is mostly the control's. With the true distance less than half
#   is left where most of it was a repair; MSE x 25 weights no frequency (A7). The claim is one on FreqLoss: what
#   adapters gain with any loss is not its merit.
# 0.05: slack around the published -16%, as for C2, C4 and C6.
# 0.01: a rise that counts as "worse": the published baseline, rendered twice, differs from itself by half that (A8).
SLACK, WORSE = 0.05, 0.01
C10_OURS = "published.change.l1"
C10_TRUE = "change.l1.lora_freq_true_distance"
C10_FREQ = [f"change.{metric}.{arm}" for metric in ("l1", "lpips") for arm in ("lora_freq", "lora_freq_r8")]
C10_OVER_X25, C10_X25 = "margin.freq_minus_x25.l1", "margin.half_minus_x25.l1"
C10_DISTANCE = "margin.true_distance_minus_half.l1"
C10_WORST = ["worst.l1.lora_freq", "worst.l1.lora_freq_r8"]
C10_PUBLISHED = headline("C10")


def _freq_improves(x: Intervals) -> bool:
    return all(below(x(column), 0) for column in C10_FREQ) and below(x(C10_TRUE), 0)


LORA_FREQ = Rule(
    claim="C10",
    experiment=EXPERIMENT,
    ours=C10_OURS,
    audited=C10_TRUE,
    cases=(
        _few_seeds("C10", "LoRA-FreqLoss at rank 4 or 8 or of its controls"),
        Case(
            "metric artefact",
            "L1 falls, but with the encoder told the true distance by less than half as much: most of the gain "
            "is the repair of a wrong scale",
            lambda x: below(x(C10_OURS), 0) and above(x(C10_DISTANCE), 0),
        ),
        Case(
            "metric artefact",
            "L1 falls, but MSE x 25, which weights no frequency, has more than half of the gain: most of it is that "
            "of adapters with any loss",
            lambda x: below(x(C10_OURS), 0) and above(x(C10_X25), 0),
        ),
        Case(
            "replicated",
            "L1 and LPIPS fall at rank 4 and 8, L1 also with the true distance and more than with MSE x 25; no "
            f"object gets worse by more than {WORSE:.0%}; L1 at rank 8 falls by the published amount within {SLACK}",
            lambda x: (
                _freq_improves(x)
                and below(x(C10_OVER_X25), 0)
                and all(below(x(column), WORSE) for column in C10_WORST)
                and within(x(C10_OURS), C10_PUBLISHED - SLACK, C10_PUBLISHED + SLACK)
            ),
        ),
        Case(
            "replicated with a different size",
            "L1 and LPIPS fall at rank 4 and 8, L1 also with the true distance and more than with MSE x 25; by "
            "another amount than published, or an object gets worse",
            lambda x: _freq_improves(x) and below(x(C10_OVER_X25), 0),
        ),
        OTHERWISE,
    ),
)

# C11. "At every rank FreqLoss gives a lower LPIPS than MSE."
# 0.05: level of the largest of five sign-flip p values over objects, adjusted by Holm.
# 8: with fewer objects the smallest p value, 2^(1-n), is above 0.05 once it is multiplied by five.
# Half: as for C10; what MSE x 25 has as well is a matter of scale.
# 2: factor either way around the published mean difference, which five runs without seeds gave.
LEVEL, FEWEST_OBJECTS, FACTOR = 0.05, 8, 2.0
C11_OURS, C11_OVER_X25 = "difference.lpips", "difference.lpips.x25"
C11_X25, C11_HOLM = "margin.half_minus_x25.lpips", "holm.lpips"
C11_RANKS = [f"difference.lpips.r{rank}" for rank in published("C11")["ranks"]]
C11_PUBLISHED = headline("C11")


def _beats_mse(x: Intervals) -> bool:
    every = all(x(column).estimate < 0 for column in C11_RANKS) and x(C11_HOLM).estimate < LEVEL
    return every and below(x(C11_OVER_X25), 0)


FREQ_OVER_MSE = Rule(
    claim="C11",
    experiment=EXPERIMENT,
    ours=C11_OURS,
    audited=C11_OVER_X25,
    cases=(
        _few_seeds("C11", "either loss at any rank or of MSE x 25"),
        Case(
            "not testable here",
            f"fewer than {FEWEST_OBJECTS} objects, with which no p value of five can be below {LEVEL} after Holm",
            lambda x: x(C11_OVER_X25).n < FEWEST_OBJECTS,
        ),
        Case(
            "metric artefact",
            "FreqLoss has a lower LPIPS than MSE on average over ranks, but at rank 4 MSE x 25 has more than half of "
            "that advantage: it is one of scale",
            lambda x: below(x(C11_OURS), 0) and above(x(C11_X25), 0),
        ),
        Case(
            "replicated",
            f"FreqLoss has a lower LPIPS than MSE at every rank (p < {LEVEL} after Holm) and than MSE x 25 at rank "
            f"4; the mean over ranks is the published one within a factor of {FACTOR:g}",
            lambda x: _beats_mse(x) and within(x(C11_OURS), C11_PUBLISHED * FACTOR, C11_PUBLISHED / FACTOR),
        ),
        Case(
            "replicated with a different size",
            f"FreqLoss has a lower LPIPS than MSE at every rank (p < {LEVEL} after Holm) and than MSE x 25 at rank "
            "4; by another amount than published",
            _beats_mse,
        ),
        OTHERWISE,
    ),
)

# C12. "Rank 4 is the LPIPS optimum; more rank overfits", so that the error manifold is very low-dimensional.
# The best rank over all objects and seeds, with the interval of resampled objects and seeds.
# 16: the first rank tried that is not a neighbour of 4. Ranks 4 and 8 are published 0.0003 apart, less than two runs
#   of rank 8 (0.0023, audit A8), so that a best rank of 2 or 8 bears the claim out with another number.
HIGH_RANK = 16
C12_OURS, C12_RANK = "best_rank.one_run", "best_rank"
PUBLISHED_RANK = published("C12")["best_rank"]

BEST_RANK = Rule(
    claim="C12",
    experiment=EXPERIMENT,
    ours=C12_OURS,
    audited=C12_RANK,
    cases=(
        _few_seeds("C12", "FreqLoss at any rank"),
        Case(
            "replicated",
            f"rank {PUBLISHED_RANK} has the lowest LPIPS, over the whole interval of objects and seeds",
            lambda x: within(x(C12_RANK), PUBLISHED_RANK - 1, PUBLISHED_RANK + 1),
        ),
        Case(
            "replicated with a different size",
            f"a rank below {HIGH_RANK} has the lowest LPIPS, over the whole interval, if not always rank "
            f"{PUBLISHED_RANK}",
            lambda x: below(x(C12_RANK), HIGH_RANK),
        ),
        Case(
            "metric artefact",
            f"in one run, as published, rank {PUBLISHED_RANK} has the lowest LPIPS, but over objects and seeds the "
            f"interval of the best rank reaches from {PUBLISHED_RANK} or less to {HIGH_RANK} or more: one run's best "
            "rank is chance",
            lambda x: x(C12_OURS).estimate == PUBLISHED_RANK and not above(x(C12_RANK), PUBLISHED_RANK),
        ),
        OTHERWISE,
    ),
)

# C13. "Fine-tuning all weights degrades one validation object by 38%", where adapters degrade none (C10).
# That some object is harmed is shown by one: in the published order nothing in full fine-tuning is random, and
#   renders are deterministic. So the largest rise itself is compared, not its interval. That of adapters has seeds,
#   and the upper end of its interval is taken. Audited is by how much a rise exceeds that of the object by adapters.
# 0.05: least rise that counts as harm, about 0.4 dB: the slack of the other claims, an eighth of the published one.
# 2: factor either way around the published 38%, which is the worst of 5 objects after training on 3 (audit A11).
HARM, HARM_FACTOR = 0.05, 2.0
C13_FULL, C13_OVER = "worst.l1.full_mse", "worst.l1.full_minus_lora"
C13_LORA = ["worst.l1.lora_mse", "worst.l1.lora_freq"]
C13_PUBLISHED = headline("C13")


def _full_harms(x: Intervals) -> bool:
    return x(C13_FULL).estimate > HARM


def _only_full_harms(x: Intervals) -> bool:
    return _full_harms(x) and all(below(x(column), HARM) for column in C13_LORA)


FULL_FINETUNING = Rule(
    claim="C13",
    experiment=EXPERIMENT,
    ours=C13_FULL,
    audited=C13_OVER,
    cases=(
        _few_seeds("C13", "the adapters that it is compared with"),
        Case(
            "metric artefact",
            f"training all weights raises the L1 of an object by more than {HARM:.0%}, but adapters on equal "
            "data do so too, with MSE or with FreqLoss",
            lambda x: _full_harms(x) and any(x(column).estimate > HARM for column in C13_LORA),
        ),
        Case(
            "replicated",
            f"training all weights raises the L1 of an object by the published {C13_PUBLISHED:.0%} within a factor "
            f"of {HARM_FACTOR:g}, and adapters on equal data raise that of none by more than {HARM:.0%}",
            lambda x: (
                _only_full_harms(x)
                and C13_PUBLISHED / HARM_FACTOR < x(C13_FULL).estimate < C13_PUBLISHED * HARM_FACTOR
            ),
        ),
        Case(
            "replicated with a different size",
            f"training all weights raises the L1 of an object by more than {HARM:.0%}, and adapters on equal data "
            "that of none; by another amount than published",
            _only_full_harms,
        ),
        OTHERWISE,
    ),
)
