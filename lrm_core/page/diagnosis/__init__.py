"""Figures, tables and sentences of the chapters on what is wrong with predicted triplanes, and where."""
