"""Figures, tables and sentences of the chapters on remedies: test-time optimisation and fine-tuning."""
