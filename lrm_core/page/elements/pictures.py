"""Images in a row, and one of several objects chosen by its picture or name, as HTML that needs no script."""

from collections.abc import Mapping
from html import escape

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.data_url import data_url
from lrm_core.findings.figures import WHITE, window

ONE_ROW = 7  # pictures in one row where it is wide, so that none is left alone
_ROW = "display:grid;gap:0.6rem;margin:0.8rem 0;padding:0;"
_COLUMNS = "grid-template-columns:repeat(auto-fill,minmax(max({width}px,calc(100% / {count} - 0.6rem)),1fr))"
_PICTURE = "width:100%;border-radius:3px;image-rendering:auto"
_SWITCH = """
.lrm-switch{margin:0.6rem 0 1rem}
.lrm-switch>input{position:absolute;opacity:0;pointer-events:none}
.lrm-switch>div:first-of-type{display:grid;gap:0.6rem}
.lrm-switch label{cursor:pointer;padding:0.2rem 0.5rem;border-radius:4px;border:2px solid rgba(128,128,128,0.35)}
.lrm-switch>div>div{display:none}
"""
_CHOSEN = (
    "#{key}-{at}:checked~div>div:nth-child({nth}){{display:block}}"
    "#{key}-{at}:checked~div>label:nth-child({nth}){{border-color:#0072B2}}"
    "#{key}-{at}:focus-visible~div>label:nth-child({nth}){{outline:2px solid #D55E00}}"
)


def image_row(images: Mapping[str, Float[Tensor, "3 h w"]], described: str, width: int = 132) -> str:
    """Images in [0, 1] by caption, each at least `width` CSS pixels wide; `described` tells screen readers of all."""
    columns = _COLUMNS.format(width=width, count=len(images) if len(images) <= ONE_ROW else 99)
    about = f'tabindex="0" role="group" aria-label="{escape(described)}"'
    return f'<div class="lrm-images" {about} style="{_ROW}{columns}">' + "".join(
        f'<figure style="margin:0"><img style="{_PICTURE}" src="{data_url(image)}" '
        f'alt="{escape(f"{described}: {caption}")}">'
        f'<figcaption style="margin-top:0.2rem">{escape(caption)}</figcaption></figure>'
        for caption, image in images.items()
    ) + "</div>"  # fmt: skip


def cut_to_object(images: Mapping[str, Float[Tensor, "3 h w"]]) -> dict[str, Float[Tensor, "3 s s"]]:
    """The square around what is not white in any of some images of one size."""
    rows, columns = window(torch.stack(list(images.values())).amin((0, 1)) < WHITE)
    return {name: image[:, rows, columns] for name, image in images.items()}


def switch(key: str, panels: Mapping[str, tuple[str, str]], columns: str, described: str) -> str:
    """Labels of which one is chosen, above what belongs to it; `described` tells screen readers what one chooses.

    The key, letters and dashes, is unique on the page. Panels have for each name the HTML inside its label, and that
    which is displayed once it is chosen. The labels stand in columns by their CSS.
    """
    inputs = "".join(
        f'<input type="radio" name="{key}" id="{key}-{at}" aria-label="{escape(name)}"{" checked" if not at else ""}>'
        for at, name in enumerate(panels)
    )
    labels = "".join(f'<label for="{key}-{at}">{label}</label>' for at, (label, _) in enumerate(panels.values()))
    shown = "".join(f"<div>{panel}</div>" for _, panel in panels.values())
    style = _SWITCH + "".join(_CHOSEN.format(key=key, at=at, nth=at + 1) for at in range(len(panels)))
    return (
        f"<style>{style}</style>"
        f'<div class="lrm-switch" role="group" aria-label="{escape(described)}">{inputs}'
        f'<div style="grid-template-columns:{columns}">{labels}</div><div>{shown}</div></div>'
    )
