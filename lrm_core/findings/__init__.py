"""One module per claim: its rule, its columns and its figures as declarations; its sentences are in `texts`."""

import lrm_core.evidence  # noqa: F401  its rulebook reads the rules from here, and has to be first
