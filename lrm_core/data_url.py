"""An image as pixels, and inside an address."""

import base64
import io

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor


def to_pixels(image: Float[Tensor, "c h w"]) -> UInt8[np.ndarray, "h w c"]:
    """8 bits a channel of an image in [0, 1]."""
    return (image.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()


def data_url(image: Float[Tensor, "c h w"], kind: str = "PNG", **options: int) -> str:
    """A picture of 8 bits a channel inside an address, as PNG or as Pillow's options for another kind say.

    ValueError if the image does not have three channels, or four with its opacity.
    """
    if image.ndim != 3 or image.shape[0] not in (3, 4):
        raise ValueError(f"expected an image (3, H, W), found {tuple(image.shape)}")
    buffer = io.BytesIO()
    Image.fromarray(to_pixels(image)).save(buffer, format=kind, **(options or {"optimize": True}))
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()
