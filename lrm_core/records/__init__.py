"""Results store, the runner that fills it, statistics over it."""
