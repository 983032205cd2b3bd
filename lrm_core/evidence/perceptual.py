"""LPIPS as the experiments measure it; training has it as a loss, so that it lies with the pictures."""

from lrm_core.render.perceptual import lpips, lpips_with_gradients

__all__ = ["lpips", "lpips_with_gradients"]
