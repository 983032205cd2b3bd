"""Contact sheets: what one model makes of every validation object in every view, as one small picture.

A sheet has a row for each object, in order of name, and a column for each view. It is filed under the name of what
made it and the fingerprint of the record of that run, so that the pages find it on machines without the run.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from lrm_core.atomic import replacing
from lrm_core.data_url import to_pixels
from lrm_core.fit.scores import Example, render_example
from lrm_core.model.lrm import LRM
from lrm_core.paths import data_dir, repository_root

SIDE = 128  # pixels, largest of a picture on the sheet
QUALITY = 80  # of WebP
SUFFIX = ".webp"


@dataclass(frozen=True)
class SheetStore:
    """Contact sheets: those made here, in `folder`, and those of the repository, in `shipped`, read only."""

    folder: Path = field(default_factory=lambda: repository_root() / ".cache" / "sheets")
    shipped: Path = field(default_factory=lambda: data_dir() / "mini" / "sheets")

    def find(self, name: str) -> Path | None:
        """The sheet of that name, if there is one."""
        places = (folder / f"{name}{SUFFIX}" for folder in (self.shipped, self.folder))
        return next((path for path in places if path.exists()), None)

    def sheet(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The sheet of that name, made and kept in `folder` where there is none."""
        if path := self.find(name):
            return path.read_bytes()
        with replacing(self.folder / f"{name}{SUFFIX}") as temporary:
            temporary.write_bytes(content := make())
        return content


@torch.no_grad()
def rendered_sheet(model: LRM, examples: Sequence[Example]) -> bytes:
    """The renders of a model as a sheet, an example in each row; raises ValueError as `contact_sheet`."""
    return contact_sheet([render_example(model, example, example.views.cameras) for example in examples])


def contact_sheet(rows: Sequence[Float[Tensor, "v 3 h w"]]) -> bytes:
    """Images in [0, 1] as a WebP with a row for each entry and a column for each view, at most `SIDE` pixels each.

    Raises ValueError if the rows are none, or differ in their shapes.
    """
    shapes = {tuple(row.shape) for row in rows}
    if len(shapes) != 1:
        raise ValueError(f"expected rows of one shape (views, 3, H, W), found {sorted(shapes) or 'none'}")
    if rows[0].shape[-1] > SIDE:
        rows = [interpolate(row, (SIDE, SIDE), mode="area") for row in rows]
    lines = [torch.cat(list(row), dim=-1) for row in rows]  # (3, side, views * side) each
    picture, buffer = Image.fromarray(to_pixels(torch.cat(lines, dim=-2))), io.BytesIO()
    picture.save(buffer, format="WEBP", quality=QUALITY, method=6)
    return buffer.getvalue()


def picture_at(
    sheet: bytes, place: tuple[int, int] = (0, 0), shape: tuple[int, int] = (1, 1)
) -> Float[Tensor, "3 s s"]:
    """The picture at a row and column of a sheet, or of any other picture, with so many of them; in [0, 1]."""
    picture = Image.open(io.BytesIO(sheet)).convert("RGB")
    height, width = picture.height // shape[0], picture.width // shape[1]
    top, left = place[0] * height, place[1] * width
    cut = picture.crop((left, top, left + width, top + height))
    return torch.from_numpy(np.array(cut)).permute(2, 0, 1) / 255
