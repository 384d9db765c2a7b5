"""Pictures as JPEG and back."""

from __future__ import annotations

import cv2
import numpy as np

from edge_agent.messages.envelope import Picture
from edge_agent.vision.detections import Box
from edge_agent.vision.network import Image

MEDIA_TYPE = "image/jpeg"


def encoded(image: Image, quality: int) -> bytes:
    """The JPEG of an H×W×3 BGR picture; ``quality`` 1 to 100."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def decoded(content: bytes) -> Image:
    """The H×W×3 BGR picture of a JPEG that this program wrote."""
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def taken(role: str, time: float, image: Image, quality: int, hide: tuple[Box, ...] = ()) -> Picture:
    """A piece of evidence."""
    content = encoded(image, quality)
    return Picture(role, time, MEDIA_TYPE, content, image.shape[1], image.shape[0], hide=hide)
