"""Images in a row, as HTML that wraps on a phone and needs no script."""

from collections.abc import Mapping
from html import escape

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core.data_url import data_url

ONE_ROW = 6  # pictures in one row where it is wide, so that none is left alone
NEARLY_WHITE, MARGIN = 0.9, 4  # of pictures cut to their object; the margin in pixels
_ROW = "display:grid;gap:0.6rem;margin:0.8rem 0;padding:0;"
_COLUMNS = "grid-template-columns:repeat(auto-fill,minmax(max({width}px,calc(100% / {count} - 0.6rem)),1fr))"
_PICTURE = "width:100%;border-radius:3px;image-rendering:auto"


def image_row(images: Mapping[str, Float[Tensor, "3 h w"]], described: str, width: int = 132) -> str:
    """Images with their captions; `described` and the caption are the text for screen readers.

    Args:
        images: by caption, in [0, 1].
        described: what all of them show.
        width: least width of an image, in CSS pixels.

    Returns:
        HTML with the images inside.
    """
    columns = _COLUMNS.format(width=width, count=len(images) if len(images) <= ONE_ROW else 99)
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


def cut_to_object(images: Mapping[str, Float[Tensor, "3 h w"]]) -> dict[str, Float[Tensor, "3 s s"]]:
    """The square around what is not white in any of some images of one size."""
    occupied = torch.stack(list(images.values())).amin((0, 1)) < NEARLY_WHITE
    if not occupied.any():
        return dict(images)
    (top, bottom), (left, right) = ((at.min(), at.max()) for at in map(torch.unique, occupied.nonzero().T))
    side = min(int(max(bottom - top, right - left)) + 2 * MARGIN, *occupied.shape)
    corner = [
        int(((first + last - side) / 2).clamp(0, size - side))
        for first, last, size in ((top, bottom, occupied.shape[0]), (left, right, occupied.shape[1]))
    ]
    rows, columns = (slice(first, first + side) for first in corner)
    return {name: image[:, rows, columns] for name, image in images.items()}
