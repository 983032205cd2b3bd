"""Sliders that call functions of a chapter in JupyterLab."""
