"""All findings that are told from declarations, by the id of their claim."""

from lrm_core.findings import c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14
from lrm_core.findings.finding import Finding

FINDINGS: dict[str, Finding] = {
    claim.FINDING.rule.claim: claim.FINDING
    for claim in (c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14)
}
