"""Which registered page a picture shows, and roughly where: features that agree on one perspective.

SIFT (D. Lowe, 2004) is blind to rotation, scale and slow changes of light, and a page of print has hundreds of its
points; MAGSAC++ (D. Barath et al., 2020) finds the perspective among handwriting and repeated letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FEATURE_LONG_SIDE: Final = 800
"""Pixels: 2.7 per mm of an A4 page, where letters still have corners of their own. At 1,100 fewer features agree (more
of the strongest are noise) and looking for them takes twice as long."""
MAX_FEATURES: Final = 1800
RATIO: Final = 0.82
INLIER_PX: Final = 4.4
"""At the features' scale, 1.6 mm: a curled page is no plane."""
MIN_INLIERS: Final = 16
MIN_SHARE_SEEN: Final = 0.06
"""Of the picture that the page has to cover; less is a page on a page."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Points (N, 2) in pixels of the picture they come from, and their descriptors (N, 128)."""

    points: Floats
    descriptors: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Where a page lies: ``homography`` (3, 3) from the page's pixels to the picture's; how many features agree."""

    homography: Doubles
    inliers: int


def find_features(grey: Picture) -> Features:
    """The features of ``grey`` (H, W)."""
    height, width = grey.shape
    scale = min(1.0, FEATURE_LONG_SIDE / max(height, width))
    small = grey
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    detector = cv2.SIFT.create(nfeatures=MAX_FEATURES, contrastThreshold=0.02)
    found, descriptors = detector.detectAndCompute(small, None)
    if descriptors is None or not found:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    points = np.array([point.pt for point in found], np.float32) + np.float32(0.5)
    ratio = np.array([width / small.shape[1], height / small.shape[0]], np.float32)
    return Features(points * ratio - np.float32(0.5), np.asarray(descriptors, np.float32))


def match_features(page: Features, seen: Features, picture_shape: tuple[int, int]) -> Match | None:
    """How ``page`` lies in a picture of ``picture_shape`` (H, W) with the features ``seen``; ``None``: not there."""
    if min(len(page.points), len(seen.points)) < MIN_INLIERS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(page.descriptors, seen.descriptors, k=2)
    good = [one for one, other in (pair for pair in pairs if len(pair) == 2) if one.distance < RATIO * other.distance]
    if len(good) < MIN_INLIERS:
        return None
    of_page = page.points[[pair.queryIdx for pair in good]]
    of_picture = seen.points[[pair.trainIdx for pair in good]]
    threshold = INLIER_PX * max(max(picture_shape) / FEATURE_LONG_SIDE, 1.0)
    found = cv2.findHomography(of_page, of_picture, cv2.USAC_MAGSAC, threshold, None, 4000, 0.9995)
    homography, is_inlier = cast("tuple[Doubles | None, Picture]", found)  # the stubs know no None
    if homography is None:
        return None
    inliers = int(is_inlier.sum())
    if inliers < MIN_INLIERS or not _is_plausible(np.asarray(homography, np.float64), page.points, picture_shape):
        return None
    return Match(np.asarray(homography, np.float64), inliers)


def _is_plausible(homography: Doubles, points: Floats, picture_shape: tuple[int, int]) -> bool:
    """Whether a flat page can look like that: not mirrored, not folded over, not a speck."""
    low, high = points.min(axis=0), points.max(axis=0)
    box = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]], np.float64)
    w = box @ homography[2, :2] + homography[2, 2]
    if (w <= 1e-6).any():
        return False
    corners = ((box @ homography[:2, :2].T + homography[:2, 2]) / w[:, None]).astype(np.float32)
    sides = np.roll(corners, -1, axis=0) - corners
    turns = _turns(sides)
    area = float(cv2.contourArea(corners))
    return bool((turns > 0).all()) and area > MIN_SHARE_SEEN * picture_shape[0] * picture_shape[1]


def _turns(sides: Floats) -> Floats:
    following = np.roll(sides, -1, axis=0)
    return np.asarray(sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0], np.float32)
