"""Figures, tables and sentences of the chapter on the model under study: quality, training, ablations."""
