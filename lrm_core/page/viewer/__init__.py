"""The model itself in the page: a triplane and its decoder, drawn with WebGL2 by one self-contained ES module."""

from lrm_core.page.viewer.page import PAGE_MIME, ViewerFigure, viewer_html
from lrm_core.page.viewer.quantise import Packed, pack, pack_field, unpack
from lrm_core.page.viewer.scripts import es_module, page_script
from lrm_core.page.viewer.widget import TriplaneViewer, show_viewer

__all__ = [
    "PAGE_MIME",
    "Packed",
    "TriplaneViewer",
    "ViewerFigure",
    "es_module",
    "pack",
    "pack_field",
    "page_script",
    "show_viewer",
    "unpack",
    "viewer_html",
]
