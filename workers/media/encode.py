"""Pictures back to bytes."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

# ITU-T T.81: sizes are 16-bit; libjpeg stops a little earlier.
MAX_JPEG_SIDE_PX: Final = 65_500


def encode_jpeg(image: NDArray[np.uint8], quality: int = 85) -> bytes:
    """``image``, grey (H, W) or BGR (H, W, 3) uint8, as JPEG of ``quality`` 1 to 100.

    Raises ``ValueError`` on another shape, type, size or quality.
    """
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(f"expected grey (H, W) or BGR (H, W, 3) uint8, got {image.shape} {image.dtype}")
    if not 1 <= quality <= 100:
        raise ValueError(f"quality {quality} is not within 1 to 100")
    if min(image.shape[:2]) < 1 or max(image.shape[:2]) > MAX_JPEG_SIDE_PX:
        raise ValueError(f"a JPEG cannot hold {image.shape[1]} x {image.shape[0]} pixels")
    is_encoded, encoded = cv2.imencode(
        ".jpg", np.ascontiguousarray(image), [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    )
    if not is_encoded:
        raise ValueError("the picture could not be encoded")
    return encoded.tobytes()


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """``image``, grey (H, W) or BGR (H, W, 3) uint8, as PNG, without loss and with nothing but its pixels."""
    is_encoded, encoded = cv2.imencode(".png", np.ascontiguousarray(image), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not is_encoded:
        raise ValueError("the picture could not be encoded")
    return encoded.tobytes()
