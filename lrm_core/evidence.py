"""Records and what follows from them, under the name that callers from outside know."""

from lrm_core.findings.claims import claims, published
from lrm_core.findings.verdicts import verdicts
from lrm_core.records.runner import record_all
from lrm_core.records.store import RecordKey, ResultStore

__all__ = ["RecordKey", "ResultStore", "claims", "published", "record_all", "verdicts"]
