"""What the records say about each claim, as sentences."""

from lrm_core.show.findings.meanings import MEANING
from lrm_core.show.findings.repetition import repetition_sentence
from lrm_core.show.findings.sentences import finding, stored_finding, stored_table, stored_verdict

__all__ = ["MEANING", "finding", "repetition_sentence", "stored_finding", "stored_table", "stored_verdict"]
