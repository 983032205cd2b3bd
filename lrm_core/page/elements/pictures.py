"""Images in a row, as HTML that wraps on a phone and needs no script."""

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


def image_row(images: Mapping[str, Float[Tensor, "3 h w"]], described: str, width: int = 132) -> str:
    """Images in [0, 1] by caption, as HTML; what all of them show (`described`) is for screen readers.

    An image is at least `width` CSS pixels wide.
    """
    columns = _COLUMNS.format(width=width, count=len(images) if len(images) <= ONE_ROW else 99)
    about = f'tabindex="0" role="group" aria-label="{escape(described, quote=True)}"'
    return f'<div class="lrm-images" {about} style="{_ROW}{columns}">' + "".join(
        f'<figure style="margin:0"><img style="{_PICTURE}" src="{data_url(image)}" '
        f'alt="{escape(f"{described}: {caption}", quote=True)}">'
        f'<figcaption style="margin-top:0.2rem">{escape(caption)}</figcaption></figure>'
        for caption, image in images.items()
    ) + "</div>"  # fmt: skip


def cut_to_object(images: Mapping[str, Float[Tensor, "3 h w"]]) -> dict[str, Float[Tensor, "3 s s"]]:
    """The square around what is not white in any of some images of one size."""
    rows, columns = window(torch.stack(list(images.values())).amin((0, 1)) < WHITE)
    return {name: image[:, rows, columns] for name, image in images.items()}
