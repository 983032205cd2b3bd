"""All rules by the id of their claim."""

from lrm_core.evidence.rules import Rule
from lrm_core.evidence.rules_finetuning import (
    BEST_RANK,
    FREQ_OVER_MSE,
    FULL_FINETUNING,
    LORA_FREQ,
)
from lrm_core.evidence.rules_isotropy import ISOTROPY
from lrm_core.evidence.rules_parameters import PARAMETERS
from lrm_core.evidence.rules_response import DECODER_RESPONSE
from lrm_core.findings.c01 import RULE as BASINS
from lrm_core.findings.c02 import RULE as RESIDUAL_SPECTRUM
from lrm_core.findings.c04 import RULE as BAND_CORRECTION
from lrm_core.findings.c05 import RULE as AMPLIFICATION
from lrm_core.findings.c06 import RULE as LOW_BAND
from lrm_core.findings.c07 import RULE as VISIBILITY
from lrm_core.findings.c09 import RULE as TEST_TIME

RULES: dict[str, Rule] = {
    rule.claim: rule
    for rule in (
        BASINS,
        RESIDUAL_SPECTRUM,
        DECODER_RESPONSE,
        BAND_CORRECTION,
        AMPLIFICATION,
        LOW_BAND,
        VISIBILITY,
        ISOTROPY,
        TEST_TIME,
        LORA_FREQ,
        FREQ_OVER_MSE,
        BEST_RANK,
        FULL_FINETUNING,
        PARAMETERS,
    )
}
