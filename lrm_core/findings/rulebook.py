"""All rules by the id of their claim."""

from lrm_core.findings import c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14
from lrm_core.findings.rules import Rule

_MODULES = (c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14)
RULES: dict[str, Rule] = {module.RULE.claim: module.RULE for module in _MODULES}
