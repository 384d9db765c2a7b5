"""Annotated copies of evidence: a band of text under the picture, which itself stays as it was."""

from __future__ import annotations

import cv2
import numpy as np

from edge_agent.messages import EvidenceData, Message, ViolationData


def annotated(content: bytes, message: Message, violation: ViolationData, piece: EvidenceData) -> bytes:
    """The JPEG of a copy that says when, where, what and how sure, and how the original hashes."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return content
    lines = [
        f"{piece.time}  {message.source.removeprefix('edge/v1/')}",
        f"{violation.kind}  confidence {violation.confidence:.2f}",
        f"sha256 {piece.sha256[:32]}",
    ]
    if violation.passage:
        told = violation.passage
        lines.insert(1, f"{told.label} {told.direction}  load {told.load.state}  wheels {told.wheels.state}")
    scale = image.shape[1] / 1600
    step = round(34 * scale)
    band = np.full((step * len(lines) + step // 2, image.shape[1], 3), 32, np.uint8)
    for number, line in enumerate(lines, 1):
        at = (round(16 * scale), step * number)
        thick = max(1, round(2 * scale))
        cv2.putText(band, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.9 * scale, (255, 255, 255), thick, cv2.LINE_AA)
    image = np.vstack([image, band])
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
