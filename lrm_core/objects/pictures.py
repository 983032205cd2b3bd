"""Pictures of one thing from files: read with care, cut out, and framed as the objects of training are.

Of the rendered objects in `data/mini/objects`, the longer side of what view 0 shows spans 0.65 (procedural) and 0.69
(real) of the picture in the median, and its middle is that of the picture within a few hundredths.
"""

import math
import struct
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import pad

from lrm_core.files import check_png

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")  # of PIL, with at most 8 bits a channel
MIN_SIDE, MAX_PIXELS = 16, 40_000_000
TOO_LARGE = f"too large, at most {MAX_PIXELS:,} pixels are read; make it smaller"
EXTENT = 0.67  # of the picture's side that the longer side of the thing spans
WHITE = 250  # of 255; a background has no darker channel
RINGING = 235  # of 255; what JPEG leaves in the white around a thing is brighter
BROAD, BLOCK = 5, 16  # pixels; what JPEG leaves in the white is narrower, or within a block of an edge
SPECK = 0.01  # of the area of the largest patch; smaller ones do not move the frame
CORNER = 0.03  # of the shorter side; how much of each corner is looked at
SETTLED = 2.0  # pixels; what is framed so well already is left alone


class Picture(NamedTuple):
    """One thing on white, in [0, 1], (3, H, W), and how much of each pixel it covers, (H, W)."""

    image: Float[Tensor, "3 H W"]
    mask: Float[Tensor, "H W"]


def load_picture(path: str | Path) -> Picture:
    """Read a picture and find the thing in it: by its alpha, else by a white background, else by rembg.

    Alpha cuts out where half of the pixels along the border, or more, let half of the light through; else the picture
    counts as opaque, on white. The file is a PNG, JPEG or WebP, of several pictures in a JPEG the first; its EXIF
    orientation is applied, and colours of another profile become sRGB.

    FileNotFoundError if there is no such file. ValueError if it is no such picture, is too small, too large,
    animated, CMYK or of more than 8 bits a channel, shows nothing, or has a background that cannot be removed.
    """
    path = Path(path)
    image = _read(path).convert("RGBA")
    rgba = np.asarray(image)
    mask, alpha = None, rgba[..., 3]
    border = np.concatenate([alpha[0], alpha[-1], alpha[1:-1, 0], alpha[1:-1, -1]])
    if (border <= 128).mean() < 0.5:  # opaque
        white = Image.new("RGBA", image.size, "white")
        rgba = np.asarray(Image.alpha_composite(white, Image.fromarray(rgba)))
        if (mask := _not_white(rgba)) is None:
            rgba = _without_background(Image.fromarray(rgba).convert("RGB"), path)
    alpha = rgba[..., 3:].astype(np.float32) / 255
    colour = rgba[..., :3].astype(np.float32) / 255 * alpha + (1 - alpha)
    mask = alpha[..., 0] if mask is None else mask
    if not (mask > 0.5).any():
        raise ValueError(f"{path}: shows nothing; expected a thing on a transparent or white background")
    return Picture(torch.from_numpy(colour).permute(2, 0, 1), torch.from_numpy(mask))


def framed(picture: Picture, size: int) -> Picture:
    """The thing in the middle of a picture of `size` x `size`, its longer side `EXTENT` of that; twice is once."""
    left, top, right, bottom = _extent(picture.mask)
    side = max(right - left, bottom - top) / EXTENT
    corner = ((left + right - side) / 2, (top + bottom - side) / 2)
    square = tuple(picture.mask.shape) == (size, size)
    if square and max(abs(side - size) / 2, *map(abs, corner)) <= SETTLED:
        return picture
    return resampled(picture, corner, side, size)


def whole(picture: Picture, size: int) -> Picture:
    """The picture as it is framed, made `size` x `size` with white on both sides."""
    height, width = picture.mask.shape
    side = max(height, width)
    if height == width == size:
        return picture
    return resampled(picture, ((width - side) / 2, (height - side) / 2), float(side), size)


def resampled(picture: Picture, corner: tuple[float, float], side: float, size: int) -> Picture:
    """A square part of a picture as `size` x `size` pixels, white where it reaches beyond.

    Its upper left `corner` (x, y) and its side are in pixels of the picture.
    """
    beyond = (c + side - n for c, n in zip(corner, picture.mask.shape[::-1], strict=True))
    around = math.ceil(max(0, -min(corner), *beyond))
    box = tuple(value + around for value in (*corner, corner[0] + side, corner[1] + side))
    image, mask = pad(picture.image, (around,) * 4, value=1.0), pad(picture.mask, (around,) * 4)
    planes = [Image.fromarray(plane.numpy()) for plane in (*image, mask)]
    parts = [np.array(plane.resize((size, size), Image.Resampling.BICUBIC, box=box)) for plane in planes]
    *image, mask = torch.from_numpy(np.stack(parts)).clamp(0, 1)
    return Picture(torch.stack(image), mask)


def _read(path: Path) -> Image.Image:
    """The upright image of a file, with at most 8 bits a channel."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with Image.open(path, formats=sorted(set(FORMATS.values()))) as image:
            _check(path, image)
            if image.format == "PNG":
                check_png(path)
            image.load()
            upright = ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: {TOO_LARGE}") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: corrupt, or not a PNG, JPEG or WebP") from error
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error) as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ValueError(f"{path}: corrupt ({error})") from error
    try:
        return _as_srgb(upright)
    except (ImageCms.PyCMSError, OSError) as error:
        raise ValueError(f"{path}: its colour profile cannot be read ({error}); save it as sRGB") from error


def _check(path: Path, image: Image.Image) -> None:
    """Refuse by its header what would not be read well, before any pixel is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{path}: {width}x{height} is {TOO_LARGE}")
    if min(width, height) < MIN_SIDE:
        raise ValueError(f"{path}: {width}x{height} is too small; {MIN_SIDE} pixels a side are needed")
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a phone's JPEG with a second picture
        raise ValueError(f"{path}: animated ({image.n_frames} frames); save one frame as a picture")
    if image.mode not in MODES:
        raise ValueError(f"{path}: colours of type {image.mode} are not read; save it as 8-bit RGB or RGBA")


def _not_white(rgba: np.ndarray) -> Float32[np.ndarray, "H W"] | None:
    """1 where an image (H, W, 4) is darker than the white around a thing, else 0; None where that cannot be told.

    Its four corners must show nothing but white.
    Pale parts count where they reach beyond what JPEG leaves around an edge. Whatever is paler than those, and yet
    darker than the corners, could be either.
    """
    darkest, side = rgba[..., :3].min(-1), max(2, round(CORNER * min(rgba.shape[:2])))
    ends = (slice(None, side), slice(-side, None))
    if any(darkest[rows, columns].min() < WHITE for rows in ends for columns in ends):
        return None
    thing = darkest < RINGING
    if _beyond(pale := _broad(darkest < WHITE), thing):
        thing |= pale
    corners = darkest[[0, 0, -1, -1], [0, -1, 0, -1]].min()
    return None if _beyond(_broad(darkest < corners), thing) else thing.astype(np.float32)


def _broad(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """A mask without its lines and dots."""
    return ndimage.binary_opening(mask, np.ones((BROAD, BROAD), bool))


def _beyond(part: Bool[np.ndarray, "H W"], thing: Bool[np.ndarray, "H W"]) -> bool:
    """Whether more of a part than a speck is farther from the thing than a block of JPEG."""
    near = ndimage.maximum_filter(thing, 2 * BLOCK + 1)
    return bool((part & ~near).sum() > SPECK * thing.sum())


def _as_srgb(image: Image.Image) -> Image.Image:
    """The image in sRGB, from what its ICC profile says its colours are."""
    if not (stored := image.info.get("icc_profile")):
        return image
    profile = ImageCms.ImageCmsProfile(BytesIO(stored))
    if "sRGB" in ImageCms.getProfileDescription(profile):
        return image
    mode = "L" if profile.profile.xcolor_space.strip() == "GRAY" else "RGB"
    seen = image.convert("RGBA")
    colours = seen.convert("RGB").convert(mode)
    converted = ImageCms.profileToProfile(colours, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    converted.putalpha(seen.getchannel("A"))
    return converted


def _without_background(image: Image.Image, path: Path) -> np.ndarray:
    """Pixels (H, W, 4) with the alpha that rembg finds by U^2-Net (Qin et al. 2020)."""
    advice = "save it with a transparent or plain white background"
    try:
        from rembg import remove
    except (ImportError, SystemExit) as error:  # rembg exits where its runtime is missing
        rembg = "have rembg remove backgrounds after `pip install 'lrm_core[pictures]'`"
        raise ValueError(f"{path}: neither alpha nor a white background; {advice}, or {rembg}") from error
    try:
        return np.asarray(remove(image, session=_segmenter()).convert("RGBA"))
    except Exception as error:  # whatever its runtime or the download of its model raises
        fault = f"rembg could not remove the background ({type(error).__name__}: {error})"
        network = "its model is downloaded at first use, connect to the network once"
        raise ValueError(f"{path}: {fault}; {network}, or {advice}") from error


@lru_cache
def _segmenter() -> Any:
    """rembg's session, loaded once for all pictures.

    Its weights are under the Apache licence; those that rembg takes by itself are not free for commercial use.
    """
    from rembg import new_session

    return new_session("u2net")


def _extent(mask: Float[Tensor, "H W"]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is covered by half or more, in pixels; specks beside it do not count.

    A speck is a patch with less than `SPECK` of the area of the largest one.
    """
    patches, count = ndimage.label(mask.numpy() > 0.5, np.ones((3, 3)))
    areas = np.bincount(patches.ravel(), minlength=count + 1)[1:]
    covered = np.isin(patches, 1 + np.flatnonzero(areas >= SPECK * areas.max()))
    columns, rows = np.flatnonzero(covered.any(0)), np.flatnonzero(covered.any(1))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
