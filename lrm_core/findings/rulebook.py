"""All findings that are told from declarations, and their rules, by the id of their claim."""

from lrm_core.findings import c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14
from lrm_core.findings.finding import Finding
from lrm_core.findings.rules import Rule

_MODULES = (c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14)
FINDINGS: dict[str, Finding] = {module.RULE.claim: module.FINDING for module in _MODULES}
RULES: dict[str, Rule] = {claim: finding.rule for claim, finding in FINDINGS.items()}
