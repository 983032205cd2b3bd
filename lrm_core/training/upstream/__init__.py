"""Training as OpenLRM does it, from a file in the layout of its `train-sample.yaml`."""
