"""Square maps side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from lrm_core.page.elements.style import GREYSCALE_SAFE, balanced, finish

COLOUR_BAR = {"orientation": "h", "thickness": 12, "len": 0.7, "yanchor": "top"}
TITLES = 36  # characters side by side that a phone shows
LINE = 22  # pixels of a line of a title
HIGHEST, WIDEST = 300, 560  # pixels of one map, of all maps together on a page
BAR_BELOW = 36  # pixels from the maps to the colour bar


def maps(
    images: Mapping[str, Float[np.ndarray, "h w"]], alt: str, unit: str, rings: Sequence[float] = ()
) -> go.Figure:
    """Square maps side by side in one greyscale-safe colour scale.

    Args:
        images: by title; rows count downwards.
        alt: text for screen readers.
        unit: of the values, beside the colour bar.
        rings: radii of circles about the centre, where a map spans [-1, 1] on both axes (x Nyquist).
    """
    titles = ["<br>".join(balanced(title, TITLES // len(images))) for title in images]
    figure = make_subplots(cols=len(images), subplot_titles=titles, horizontal_spacing=0.06)
    height = min(HIGHEST, WIDEST // len(images))
    bar = COLOUR_BAR | {"y": -BAR_BELOW / height, "title": {"text": unit, "side": "bottom"}}
    everything = np.stack(list(images.values()))
    limits = {"zmin": float(everything.min()), "zmax": float(everything.max())}
    for column, (title, image) in enumerate(images.items(), start=1):
        centres = _centres(image.shape[-1]) if rings else None
        figure.add_heatmap(
            z=np.round(image, 3), name=title, x=centres, y=centres, colorscale=GREYSCALE_SAFE, **limits,
            showscale=column == 1, colorbar=bar,
            row=1, col=column,
        )  # fmt: skip
        for radius in rings:
            figure.add_shape(
                type="circle", x0=-radius, x1=radius, y0=-radius, y1=radius, row=1, col=column,
                line={"color": "white", "width": 1.2, "dash": "dot"},
            )  # fmt: skip
    figure.update_xaxes(showticklabels=bool(rings), showgrid=False, zeroline=False, constrain="domain")
    figure.update_yaxes(
        showticklabels=bool(rings), showgrid=False, zeroline=False, autorange="reversed", constrain="domain"
    )
    for column in range(1, len(images) + 1):
        figure.update_yaxes(scaleanchor="x" if column == 1 else f"x{column}", row=1, col=column)
    return finish(
        figure, alt, height, top=14 + LINE * max(title.count("<br>") + 1 for title in titles), bottom=90
    )


def _centres(size: int) -> list[float]:
    """Shifted DFT indices in x Nyquist."""
    return (2 * np.fft.fftshift(np.fft.fftfreq(size))).tolist()
