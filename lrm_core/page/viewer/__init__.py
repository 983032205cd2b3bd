"""The model itself in the page: a triplane and its decoder, drawn with WebGL2 by one self-contained ES module."""

from lrm_core.page.viewer.quantise import Packed, pack, pack_field, unpack
from lrm_core.page.viewer.widget import TriplaneViewer, show_viewer

__all__ = ["Packed", "TriplaneViewer", "pack", "pack_field", "show_viewer", "unpack"]
