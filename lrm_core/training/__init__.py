"""Training: of the mini model, and as OpenLRM trains."""
