"""Images in a row, as HTML that scrolls or wraps on a phone and needs no script."""

from collections.abc import Mapping
from html import escape

from jaxtyping import Float
from torch import Tensor

from lrm_core.data_url import data_url

ONE_ROW = 6  # pictures in one row, which scrolls where it is narrow, so that none is left alone
_ROW = "display:grid;gap:0.6rem;margin:0.8rem 0;padding:0;overflow-x:auto;"
_SINGLE = "grid-auto-flow:column;grid-auto-columns:minmax({width}px,1fr)"
_MANY = "grid-template-columns:repeat(auto-fill,minmax({width}px,1fr))"
_PICTURE = "width:100%;border-radius:3px;image-rendering:auto"


def image_row(images: Mapping[str, Float[Tensor, "3 h w"]], described: str, width: int = 160) -> str:
    """Images with their captions; `described` and the caption are the text for screen readers.

    Args:
        images: by caption, in [0, 1].
        described: what all of them show.
        width: least width of an image, in CSS pixels.

    Returns:
        HTML with the images inside.
    """
    columns = (_SINGLE if len(images) <= ONE_ROW else _MANY).format(width=width)
    about = f'tabindex="0" role="group" aria-label="{escape(described, quote=True)}"'
    return f'<div class="lrm-images" {about} style="{_ROW}{columns}">' + "".join(
        f'<figure style="margin:0"><img style="{_PICTURE}" src="{data_url(image)}" '
        f'alt="{escape(f"{described}: {caption}", quote=True)}">'
        f'<figcaption style="margin-top:0.2rem">{escape(caption)}</figcaption></figure>'
        for caption, image in images.items()
    ) + "</div>"  # fmt: skip


def window_of(mask: Float[Tensor, "h w"]) -> tuple[slice, slice]:
    """A square around an object, by its alpha."""
    rows, columns = (mask.amax(axis).nonzero() for axis in (1, 0))
    half = max(int(of.max() - of.min()) for of in (rows, columns)) // 2 + 3
    row, column = (slice(max(int(of.min() + of.max()) // 2 - half, 0), None) for of in (rows, columns))
    return slice(row.start, row.start + 2 * half), slice(column.start, column.start + 2 * half)
