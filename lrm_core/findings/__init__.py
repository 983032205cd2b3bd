"""One module per claim: its rule, its columns and its figures as declarations; its sentences are in `texts`."""
