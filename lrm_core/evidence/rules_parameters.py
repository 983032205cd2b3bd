"""The rule of claim C14, which counts the parameters that adapters train (experiment E14)."""

from lrm_core.evidence.headlines import headline
from lrm_core.evidence.rules import OTHERWISE, Case, Intervals, Rule, below, within
from lrm_core.evidence.rules_finetuning import EXPERIMENT

# C14. "147K trainable parameters are 0.09% of the full model": counted in the published architecture, no estimate.
# The published share is that of the transformer, of which it is 0.087%; of the model it is 0.057% (audit A13).
# 0.00005: half of the last digit that was published.
ROUNDING = 0.00005
C14_OURS, C14_MODEL = "share.base.transformer", "share.base.parameters"
C14_PUBLISHED = headline("C14")


def _as_published(x: Intervals, column: str) -> bool:
    return within(x(column), C14_PUBLISHED - ROUNDING, C14_PUBLISHED + ROUNDING)


PARAMETERS = Rule(
    claim="C14",
    experiment=EXPERIMENT,
    ours=C14_OURS,
    audited=C14_MODEL,
    cases=(
        Case(
            "replicated",
            "adapters of rank 4 have the published share of all parameters of the model, as it was rounded",
            lambda x: _as_published(x, C14_MODEL),
        ),
        Case(
            "replicated with a different size",
            "adapters of rank 4 have less than the published share of all parameters of the model; it is their share "
            "of the transformer",
            lambda x: below(x(C14_MODEL), C14_PUBLISHED) and _as_published(x, C14_OURS),
        ),
        OTHERWISE,
    ),
)
