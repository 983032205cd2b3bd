"""Cameras, rays, the triplane field and its volume rendering."""

from lrm_core.render.cameras import Views
from lrm_core.render.field import query_points
from lrm_core.render.volume import Rendering, render_rays, render_views

__all__ = ["Rendering", "Views", "query_points", "render_rays", "render_views"]
