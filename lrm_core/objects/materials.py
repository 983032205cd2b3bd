"""What surfaces look like before shading: textures with their factors, emission, cut-outs and coarser levels."""

from dataclasses import dataclass

import numpy as np
import trimesh
from jaxtyping import Float
from PIL import Image

Texture = Float[np.ndarray, "H W 4"]
Colour = Float[np.ndarray, "*shape"]

LINEAR_COLOURS = (".glb", ".gltf")  # have linear factors and vertex colours; other files, display-referred
ALPHA_CUTOFF = 0.5
NO_TEXTURE = np.ones((1, 1, 4), dtype=np.float32)


@dataclass(frozen=True)
class Material:
    """What a surface looks like before shading.

    Attributes:
        levels: the texture, (H, W, 4) display-referred straight RGBA in [0, 1], then halved again and
            again down to one texel.
        cutoff: rays pass where alpha is below; 0 for an opaque material.
    """

    levels: tuple[Texture, ...]
    cutoff: float


def display_from_linear(colour: Colour) -> Colour:
    """Encode linear light by the sRGB transfer function (IEC 61966-2-1); any shape, values in [0, 1]."""
    return np.where(colour <= 0.0031308, 12.92 * colour, 1.055 * np.maximum(colour, 0.0031308) ** (1 / 2.4) - 0.055)


def linear_from_display(colour: Colour) -> Colour:
    """Linear light of sRGB values; any shape, values in [0, 1]; the inverse of `display_from_linear`."""
    return np.where(colour <= 0.04045, colour / 12.92, ((np.maximum(colour, 0.04045) + 0.055) / 1.055) ** 2.4)


def sample_texture(texture: Texture, uv: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 4"]:
    """Bilinear lookup (n, 4) in a repeating texture (H, W, 4) at uv (n, 2), v pointing up."""
    height, width = texture.shape[:2]
    column, row = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    across, down = (column - left)[:, None], (row - top)[:, None]
    left, right, top, bottom = left % width, (left + 1) % width, top % height, (top + 1) % height
    upper = texture[top, left] * (1 - across) + texture[top, right] * across
    lower = texture[bottom, left] * (1 - across) + texture[bottom, right] * across
    return upper * (1 - down) + lower * down


def read_material(piece: trimesh.Trimesh, suffix: str) -> Material:
    """The base colour of one mesh, its factor and emission (as light) worked in; the suffix says what is linear."""
    source = getattr(piece.visual, "material", None)
    if source is None:
        return Material((NO_TEXTURE,), ALPHA_CUTOFF)
    image, factor, mode, cutoff = _base_colour(source)
    texture = _pixels(image)
    if suffix in LINEAR_COLOURS:
        linear = linear_from_display(texture[..., :3]) * factor[:3]
        if np.any(glow := _emission(source)):
            linear, glow, texture = _same_size(linear, glow, texture)
            linear = np.minimum(linear + glow, 1)
        rgb = display_from_linear(linear)
    else:
        rgb = texture[..., :3] * factor[:3]
    texture = np.concatenate([rgb, texture[..., 3:] * factor[3]], axis=-1).astype(np.float32)
    return Material(_halvings(texture), 0.0 if mode == "OPAQUE" else cutoff)


def _pixels(image: Image.Image | None) -> Texture:
    """Straight RGBA in [0, 1]; white without a picture."""
    if image is None:
        return NO_TEXTURE
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip
        grey = np.clip(np.asarray(image, dtype=np.float32) / 65535, 0, 1)
        return np.stack([grey, grey, grey, np.ones_like(grey)], axis=-1)
    return np.asarray(image.convert("RGBA"), dtype=np.float32) / 255


def _emission(source: object) -> Float[np.ndarray, "H W 3"] | None:
    """Linear light that a glTF material gives of itself."""
    factor = getattr(source, "emissiveFactor", None)
    if factor is None or not np.any(factor):
        return None
    return linear_from_display(_pixels(getattr(source, "emissiveTexture", None))[..., :3]) * factor


def _same_size(*textures: Float[np.ndarray, "..."]) -> list[Float[np.ndarray, "H W C"]]:
    """Textures with their texels repeated up to the size of the largest."""
    height, width = (max(texture.shape[axis] for texture in textures) for axis in (0, 1))
    rows, columns = np.arange(height), np.arange(width)
    return [t[rows * t.shape[0] // height][:, columns * t.shape[1] // width] for t in textures]


def _base_colour(source: object) -> tuple[Image.Image | None, Float[np.ndarray, " 4"], str, float]:
    """Texture, RGBA factor in [0, 1], glTF alpha mode and cutoff of a trimesh material."""
    if isinstance(source, trimesh.visual.material.PBRMaterial):
        mode = source.alphaMode or "OPAQUE"
        cutoff = source.alphaCutoff if mode == "MASK" and source.alphaCutoff is not None else ALPHA_CUTOFF
        return source.baseColorTexture, _factor(source.baseColorFactor), mode, float(cutoff)
    factor = _factor(source.diffuse if "kd" in source.kwargs else None)  # trimesh's own is grey
    factor[3] *= float(source.kwargs.get("d", [1])[-1])
    return source.image, factor, "BLEND", ALPHA_CUTOFF


def _factor(colour: object) -> Float[np.ndarray, " 4"]:
    """RGBA in [0, 1], of RGB or RGBA in bytes or fractions; white for None."""
    factor = np.ones(4) if colour is None else np.asarray(colour)
    factor = factor / 255.0 if factor.dtype.kind in "iu" else factor.astype(np.float64)
    return factor if len(factor) == 4 else np.append(factor, 1.0)


def _halvings(texture: Texture) -> tuple[Texture, ...]:
    """The texture and its successive 2x2 averages; colours are averaged with their alpha as weight."""
    levels = [texture]
    while max(levels[-1].shape[:2]) > 1:
        last = levels[-1]
        rows, columns = (max(side // 2, 1) for side in last.shape[:2])
        step = (last.shape[0] // rows, last.shape[1] // columns)
        blocks = last[: rows * step[0], : columns * step[1]].reshape(rows, step[0], columns, step[1], 4)
        weight = blocks[..., 3:] + 1e-6
        colour = (blocks[..., :3] * weight).sum((1, 3)) / weight.sum((1, 3))
        levels.append(np.concatenate([colour, blocks[..., 3:].mean((1, 3))], axis=-1))
    return tuple(levels)
