"""The first thing a reader sees: a picture, and what the model in the repository makes of it, to be turned."""

from html import escape

import pandas as pd

from lrm_core import load_model
from lrm_core.evidence.oracles import predicted_planes
from lrm_core.evidence.runner import load_item
from lrm_core.evidence.verdicts import experiment_table
from lrm_core.objects import RenderedObject
from lrm_core.profiles import get_profile
from lrm_core.show.elements.pictures import data_url
from lrm_core.show.viewer import TriplaneViewer, page_script, viewer_html

PROFILE = "mini"  # whose model and objects are in the repository, whatever profile the book is built for
QUALITY = "model.novel.lpips"


def first_look() -> str:
    """Source picture and viewer of the real object with the median LPIPS of the model, as HTML with its script.

    Raises:
        FileNotFoundError: if the model or the objects are missing.
    """
    model = load_model(PROFILE).eval().requires_grad_(False)
    item = _median_object()
    viewer = TriplaneViewer.of(
        predicted_planes(model, item),
        model.decoder,
        f"What the model makes of the picture of {item.name}; it can be turned and zoomed.",
        azimuth=-55.0,
        elevation=20.0,
    )
    alt = escape(f"{item.name}, seen from the front: the only picture that the model is given.", quote=True)
    source = f'<img src="{data_url(item.images[0])}" alt="{alt}">'
    return (
        f'<div class="lrm-first-look"><figure>{source}<figcaption>One picture goes in.</figcaption></figure>'
        f"<div>{viewer_html(viewer.page_state())}<p>This comes out, drawn by the model in your "
        "browser.</p></div></div>"
        f'<script type="module">{page_script()}</script>'
    )


def _median_object() -> RenderedObject:
    """The real object in the middle by LPIPS in novel views; the first one where nothing was measured."""
    plan = get_profile(PROFILE)
    real = {path.name: path for path in plan.object_folders(every=True) if path.parent.name == "real"}
    return load_item(plan, real[median_name(experiment_table("e00_model", PROFILE), list(real))])


def median_name(table: pd.DataFrame, names: list[str]) -> str:
    """The one of these objects with the median LPIPS in a table of records; the first one if it has none of them.

    >>> median_name(pd.DataFrame({"object": ["a", "b", "c"], QUALITY: [0.3, 0.1, 0.2]}), ["a", "b", "c"])
    'c'
    >>> median_name(pd.DataFrame(), ["a", "b"])
    'a'
    """
    if table.empty:
        return names[0]
    ordered = table[table["object"].isin(names)].sort_values(QUALITY)["object"].tolist()
    return ordered[len(ordered) // 2] if ordered else names[0]
