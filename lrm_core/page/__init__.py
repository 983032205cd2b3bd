"""Figures, sentences and controls of the chapters."""
