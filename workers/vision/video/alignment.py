"""Laying a later picture of a page on an earlier one, when the camera has moved in between."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.video.similarity import Comparison, Look, compare_aligned

_FEATURES: Final = 200
_RATIO: Final = 0.8  # D. Lowe, IJCV 60(2), 2004
_MIN_INLIERS: Final = 16
"""Of one page 24 at least, of two pages 11 at most (notebooks, worksheets and slides, 200 features)."""
_MAX_SCALE: Final = 1.6
_ROUNDS: Final = 300
"""Enough to meet four good pairs with certainty when half of the pairs are good; where fewer are it is another page."""

_orb = cv2.ORB.create(nfeatures=_FEATURES, scaleFactor=1.2, nlevels=4, fastThreshold=20)
_matcher = cv2.BFMatcher(cv2.NORM_HAMMING)


class Portrait:
    """A page as it is remembered: its look for comparing and its features for aligning."""

    def __init__(self, look: Look) -> None:
        self.look = look

    @cached_property
    def _features(self) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
        """Points (N, 2) in pixels and their descriptors."""
        even = cv2.createCLAHE(2.0, (8, 8)).apply(self.look.luma)
        keypoints, descriptors = _orb.detectAndCompute(even, None)
        points = np.array([point.pt for point in keypoints], dtype=np.float32).reshape(-1, 2)
        return points, None if descriptors is None else np.asarray(descriptors, dtype=np.uint8)

    def compare(self, other: Portrait) -> Comparison | None:
        """How ``other`` differs from this page once it is laid on it; ``None`` when it cannot be."""
        matrix = self._onto(other)
        if matrix is None:
            return None
        here = self.look.whole
        height, width = here.detail.shape
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpPerspective(other.look.whole.detail, matrix, (width, height), flags=flags)
        return compare_aligned(here, np.asarray(moved, dtype=np.float32))

    def _onto(self, other: Portrait) -> NDArray[np.float64] | None:
        """The homography from this picture's pixels to the other's."""
        (points, descriptors), (other_points, other_descriptors) = self._features, other._features
        if descriptors is None or other_descriptors is None or len(other_descriptors) < 2:
            return None
        pairs = _matcher.knnMatch(descriptors, other_descriptors, k=2)
        good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
        if len(good) < _MIN_INLIERS:
            return None
        here = points[[match.queryIdx for match in good]]
        there = other_points[[match.trainIdx for match in good]]
        matrix, inliers = cv2.findHomography(here, there, cv2.USAC_FAST, 3.0, maxIters=_ROUNDS)
        if matrix is None or int(inliers.sum()) < _MIN_INLIERS:
            return None
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
        return np.asarray(matrix, dtype=np.float64) if 1 / _MAX_SCALE < scale < _MAX_SCALE else None
