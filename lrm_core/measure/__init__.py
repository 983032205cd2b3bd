"""What is measured of a model: one module per experiment, model, object, configuration and seed to a record."""
