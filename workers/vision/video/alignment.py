"""Laying a later picture of a page on an earlier one, when the camera has moved in between."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.video.similarity import Comparison, Grey, Look, compare_aligned

_FEATURES: Final = 450
_RATIO: Final = 0.8  # D. Lowe, IJCV 60(2), 2004
_MIN_INLIERS: Final = 18
_MAX_SCALE: Final = 1.6
_ROUNDS: Final = 300
"""Enough to meet four good pairs with certainty when half of the pairs are good; where fewer are it is another page."""

_orb = cv2.ORB.create(nfeatures=_FEATURES, scaleFactor=1.2, nlevels=6, fastThreshold=8)
_matcher = cv2.BFMatcher(cv2.NORM_HAMMING)


class Portrait:
    """A page as it is remembered: its look for comparing and its features for aligning."""

    def __init__(self, luma: Grey) -> None:
        self.look = Look.of(luma)
        even = cv2.createCLAHE(2.0, (8, 8)).apply(luma)
        keypoints, self._descriptors = _orb.detectAndCompute(even, None)
        self._points = np.array([point.pt for point in keypoints], dtype=np.float32).reshape(-1, 2)

    def compare(self, other: Portrait) -> Comparison | None:
        """How ``other`` differs from this page once it is laid on it; ``None`` when it cannot be."""
        matrix = self._onto(other)
        if matrix is None:
            return None
        height, width = self.look.detail.shape
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpPerspective(other.look.detail, matrix, (width, height), flags=flags)
        return compare_aligned(self.look, np.asarray(moved, dtype=np.float32))

    def _onto(self, other: Portrait) -> NDArray[np.float64] | None:
        """The homography from this picture's pixels to the other's."""
        if self._descriptors is None or other._descriptors is None or len(other._descriptors) < 2:
            return None
        pairs = _matcher.knnMatch(self._descriptors, other._descriptors, k=2)
        good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
        if len(good) < _MIN_INLIERS:
            return None
        here = self._points[[match.queryIdx for match in good]]
        there = other._points[[match.trainIdx for match in good]]
        matrix, inliers = cv2.findHomography(here, there, cv2.RANSAC, 3.0, maxIters=_ROUNDS)
        if matrix is None or int(inliers.sum()) < _MIN_INLIERS:
            return None
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
        return np.asarray(matrix, dtype=np.float64) if 1 / _MAX_SCALE < scale < _MAX_SCALE else None
