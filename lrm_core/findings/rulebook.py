"""All rules by the id of their claim."""

from lrm_core.findings.c01 import RULE as BASINS
from lrm_core.findings.c02 import RULE as RESIDUAL_SPECTRUM
from lrm_core.findings.c03 import RULE as DECODER_RESPONSE
from lrm_core.findings.c04 import RULE as BAND_CORRECTION
from lrm_core.findings.c05 import RULE as AMPLIFICATION
from lrm_core.findings.c06 import RULE as LOW_BAND
from lrm_core.findings.c07 import RULE as VISIBILITY
from lrm_core.findings.c08 import RULE as ISOTROPY
from lrm_core.findings.c09 import RULE as TEST_TIME
from lrm_core.findings.c10 import RULE as LORA_FREQ
from lrm_core.findings.c11 import RULE as FREQ_OVER_MSE
from lrm_core.findings.c12 import RULE as BEST_RANK
from lrm_core.findings.c13 import RULE as FULL_FINETUNING
from lrm_core.findings.c14 import RULE as PARAMETERS
from lrm_core.findings.rules import Rule

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
