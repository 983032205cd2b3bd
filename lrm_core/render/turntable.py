"""A film of a triplane seen from all around, as MP4, GIF or WebP, and a sheet of stills."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor, nn

from lrm_core.atomic import replacing
from lrm_core.data_url import to_pixels
from lrm_core.render.cameras import orbit_poses, pinhole_intrinsics, standard_camera
from lrm_core.render.volume import render_views

FRAMES_PER_SECOND = 24
CRF = 18  # of x264; lower is better
FILMS = (".mp4", ".gif", ".webp")

Frames = UInt8[np.ndarray, "frames H W 3"]


@torch.no_grad()
def turntable(
    planes: Float[Tensor, "3 C R R"],
    decoder: nn.Module,
    frames: int,
    size: int,
    samples_per_ray: int = 96,
    distance: float = 2.0,
) -> Frames:
    """Views on a circle about the object on white, the first from in front; the last is followed by the first.

    The size is the side of a frame in pixels, the distance that of the cameras to the origin in world units.
    """
    cameras = standard_camera(orbit_poses(frames + 1, radius=distance)[:frames], pinhole_intrinsics())
    seen = (
        render_views(planes[None], decoder, camera[None, None], size, samples_per_ray=samples_per_ray).rgb[0, 0]
        for camera in cameras.to(planes.device)
    )
    return np.stack([to_pixels(frame) for frame in seen])


def write_film(path: Path, frames: Frames) -> None:
    """Write an endless film (MP4 with H.264, GIF or lossless WebP); an old file stays until the new is whole.

    Frames are 0 to 255; an odd side of an MP4 loses its last row or column, which H.264 needs. ValueError for another
    suffix than .mp4, .gif or .webp. OSError if the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in FILMS:
        raise ValueError(f"{path}: unsupported suffix; films are written to {', '.join(FILMS)}")
    with replacing(path) as temporary:
        if suffix == ".mp4":
            _write_mp4(temporary, frames)
            return
        first, *others = map(Image.fromarray, frames)
        how = {"format": suffix[1:].upper(), "duration": round(1000 / FRAMES_PER_SECOND), "loop": 0, "lossless": True}
        first.save(temporary, save_all=True, append_images=others, **how)


def _write_mp4(path: Path, frames: Frames) -> None:
    import imageio_ffmpeg

    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    options = ["-crf", str(CRF), "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4"]
    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=FRAMES_PER_SECOND, codec="libx264", quality=None, macro_block_size=1,
        output_params=options, ffmpeg_log_level="error",
    )  # fmt: skip
    writer.send(None)
    try:
        for frame in frames[:, :height, :width]:
            writer.send(np.ascontiguousarray(frame))
    finally:
        writer.close()


def stills(picture: UInt8[np.ndarray, "H H 3"], frames: Frames, columns: int = 4) -> Image.Image:
    """The picture and frames side by side in rows, on white, all at the size of the frames."""
    size = frames.shape[1]
    tiles = [Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC), *map(Image.fromarray, frames)]
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * size, rows * size), "white")
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (index % columns * size, index // columns * size))
    return sheet
