"""What scanners and phones do to a page: geometry, light, optics, noise and JPEG, each with its dial."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ScanDials:
    """A flat-bed or feeder. ``is_bitonal``: a 1-bit scan, by threshold. ``copies``: how often the sheet went through a
    photocopier first, which hardens its greys, spreads its ink and leaves specks."""

    dpi: tuple[int, ...]
    skew_degrees: float
    noise: float
    jpeg: tuple[int, int]
    shift_mm: float = 2.0
    is_bitonal: bool = False
    copies: int = 0


@dataclass(frozen=True, slots=True)
class PhoneDials:
    """A phone over a table. Ranges are (low, high); ``curl_mm``: how far the paper rises from the table; ``glare``: the
    light that a lamp's reflection adds in its middle, of the paper's own."""

    long_side: tuple[int, int]
    tilt_degrees: float
    roll_degrees: float
    fill: tuple[float, float]
    shadow: tuple[float, float]
    blur: tuple[float, float]
    motion: float
    noise: tuple[float, float]
    jpeg: tuple[int, int]
    curl_mm: float
    lens: float = 0.03
    glare: tuple[float, float] = (0.0, 0.0)


def scan_page(page: GreyImage, base_dpi: int, dials: ScanDials, rng: np.random.Generator) -> GreyImage:
    """``page`` (H, W) at ``base_dpi`` through a scanner: (h, w) of the same paper size."""
    dpi = int(rng.choice(dials.dpi))
    scale = dpi / base_dpi
    for _ in range(dials.copies):
        page = _photocopy(page, base_dpi, rng)
    height, width = round(page.shape[0] * scale), round(page.shape[1] * scale)
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(page, (width, height), interpolation=shrink)
    angle = float(rng.normal(0, dials.skew_degrees / 2))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, float(rng.uniform(0.985, 1.005)))
    matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + rng.normal(0, dials.shift_mm / 25.4 * dpi / 2, 2)])
    border = int(rng.choice([255, 250, 235]))
    flat = cv2.warpAffine(resized, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(border,))
    level, gain = rng.uniform(0, 18), rng.uniform(0.92, 1.0)
    image = _with_noise(flat * np.float32(gain) * np.float32((255 - level) / 255) + np.float32(level), dials.noise, rng)
    if dials.is_bitonal:
        image = np.where(image > rng.integers(120, 190), 255, 0).astype(np.uint8)
    return _through_jpeg(image, dials.jpeg, rng)


def photograph_page(page: GreyImage, base_dpi: int, dials: PhoneDials, rng: np.random.Generator) -> GreyImage:
    """``page`` (H, W[, 3]) at ``base_dpi``, lying on a table, photographed: (h, w[, 3]), long side as dialled."""
    long_side = int(rng.integers(dials.long_side[0], dials.long_side[1] + 1))
    height, width = long_side, round(long_side * 0.75)
    page_mm = np.array([page.shape[1], page.shape[0]]) / base_dpi * 25.4
    focal = rng.uniform(0.72, 0.9) * long_side
    step_x, step_y, back = _ray_maps(page_mm, (height, width), focal, dials, rng)
    scale = min(1.0, 1.15 * float(back) * 25.4 / base_dpi)
    source = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels = base_dpi / 25.4 * scale
    table = _table((height, width), rng)
    sheet = cv2.remap(
        source,
        step_x * np.float32(pixels) - np.float32(0.5),
        step_y * np.float32(pixels) - np.float32(0.5),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255, 255, 255),
    )

    def on_all(values: NDArray[np.float32]) -> NDArray[np.float32]:
        """One value of a pixel for each of its channels."""
        return values if sheet.ndim == 2 else values[:, :, None]

    on_page = ((step_x >= 0) & (step_x <= page_mm[0]) & (step_y >= 0) & (step_y <= page_mm[1])).astype(np.float32)
    small = cv2.resize(on_page, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    drop = cv2.resize(cv2.GaussianBlur(small, (0, 0), long_side / 600), (width, height))
    edge = np.asarray(cv2.GaussianBlur(on_page, (0, 0), 0.7), np.float32)
    beside = np.asarray((1 - edge) * table * (1 - np.float32(0.4) * drop), np.float32)
    bright = edge * np.float32(rng.uniform(0.93, 1.0))
    light = _light((height, width), dials, rng)
    # in place: most of the time would go into fetching fresh memory for pictures of 60 MB
    scene = sheet.astype(np.float32)
    scene *= on_all(bright * light)
    scene += on_all(beside * light)
    if dials.glare[1] > 0:
        scene = _with_glare(scene, rng.uniform(*dials.glare), rng)
    blur = rng.uniform(*dials.blur) * long_side / 2016
    scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), max(blur, 0.2), dst=scene), np.float32)
    if rng.random() < 0.3 and dials.motion > 0:
        scene = _motion(scene, rng.uniform(0, dials.motion) * long_side / 2016, rng)
    exposure, haze = rng.uniform(0.62, 0.98), rng.uniform(0, 14)
    scene *= np.float32(exposure / 255)
    np.clip(scene, 0, 1, out=scene)
    scene = np.asarray(cv2.pow(scene, float(rng.uniform(0.8, 1.15)), dst=scene), np.float32)
    scene *= np.float32(255)
    scene += np.float32(haze)
    noisy = _with_noise(scene, rng.uniform(*dials.noise), rng)
    return _through_jpeg(noisy, dials.jpeg, rng)


def _photocopy(page: GreyImage, dpi: int, rng: np.random.Generator) -> GreyImage:
    """``page`` (H, W) as one generation of a photocopier leaves it: harder, a little smaller, with specks."""
    height, width = page.shape
    blurred = cv2.GaussianBlur(page, (0, 0), float(rng.uniform(0.05, 0.09)) * dpi / 25.4).astype(np.float32)
    middle, slope = rng.uniform(120, 165), rng.uniform(0.018, 0.035)
    hard = 255 / (1 + np.exp(-slope * (blurred - middle)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.normal(0, 0.3)), float(rng.uniform(0.97, 1.0)))
    copied = cv2.warpAffine(hard, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(250.0,))
    for _ in range(int(rng.integers(20, 120))):
        place = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(copied, place, int(rng.integers(1, 3)), (float(rng.uniform(20, 160)),), -1, cv2.LINE_AA)
    return np.clip(copied, 0, 255).astype(np.uint8)


def _with_glare(scene: NDArray[np.float32], strength: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """``scene`` (h, w) with a lamp's soft reflection somewhere on it: light that is added, so ink grows pale there."""
    height, width = scene.shape[:2]
    spot = np.zeros((height // 8, width // 8), np.float32)
    centre = (int(rng.uniform(0.1, 0.9) * width / 8), int(rng.uniform(0.1, 0.9) * height / 8))
    axes = (int(rng.uniform(0.06, 0.2) * width / 8), int(rng.uniform(0.06, 0.2) * width / 8))
    cv2.ellipse(spot, centre, axes, float(rng.uniform(0, 180)), 0, 360, (1.0,), -1)
    spot = cv2.GaussianBlur(spot, (0, 0), 0.05 * width / 8).astype(np.float32)
    glare = np.float32(255 * strength) * cv2.resize(spot, (width, height))
    lit: NDArray[np.float32] = scene + (glare if scene.ndim == 2 else glare[:, :, None])
    return lit


def _ray_maps(
    page_mm: NDArray[np.float64],
    size: tuple[int, int],
    focal: float,
    dials: PhoneDials,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """For each picture pixel the page point in mm (x map, y map), and pixels per mm at the page's centre."""
    height, width = size
    tilt = math.radians(dials.tilt_degrees * math.sqrt(rng.random()))
    towards = rng.uniform(0, 2 * math.pi)
    roll = math.radians(rng.uniform(-dials.roll_degrees, dials.roll_degrees))
    axis = np.array([math.cos(towards), math.sin(towards), 0.0]) * tilt
    turn = cv2.Rodrigues(axis)[0] @ cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0]
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * page_mm
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    distance = focal * page_mm[1] / (height * 0.9)
    fill = rng.uniform(*dials.fill)
    middle, extent = np.zeros(2), np.ones(2)
    for _ in range(12):
        # back off until the tilted page fills the wished share of the picture
        view = turn @ np.vstack([corners.T, np.zeros(4)]) + np.array([[0], [0], [distance]])
        seen = (camera @ view)[:2] / view[2]
        middle = (seen.max(1) + seen.min(1)) / 2
        extent = (seen.max(1) - seen.min(1)) / np.array([width, height])
        distance *= extent.max() / fill
    aim = np.array([width / 2, height / 2]) - middle
    slack = np.maximum((1 - extent) / 2 * np.array([width, height]) - 4, 0)
    aim = aim + rng.uniform(-slack, slack)
    lens = rng.uniform(-dials.lens, dials.lens)
    # at every eighth pixel: the way of light bends slowly, and what lies between is right to 0.001 mm
    columns, rows = np.meshgrid(np.linspace(0, width - 1, width // 8), np.linspace(0, height - 1, height // 8))
    u = (columns - aim[0] - width / 2) / focal
    v = (rows - aim[1] - height / 2) / focal
    radius = u * u + v * v
    u, v = u * (1 + lens * radius), v * (1 + lens * radius)
    homography = turn[:, :2].copy()
    plane = np.column_stack([homography, np.array([0, 0, distance])])
    inverse = np.linalg.inv(plane)
    w = inverse[2, 0] * u + inverse[2, 1] * v + inverse[2, 2]
    x = (inverse[0, 0] * u + inverse[0, 1] * v + inverse[0, 2]) / w + page_mm[0] / 2
    y = (inverse[1, 0] * u + inverse[1, 1] * v + inverse[1, 2]) / w + page_mm[1] / 2
    # a curled sheet: its height above the table shifts what is seen, by parallax, away from the camera's foot
    rise = rng.uniform(0, dials.curl_mm)
    phase, lean = rng.uniform(0, math.pi), rng.uniform(0, math.pi)
    along = (x * math.cos(lean) + y * math.sin(lean)) / page_mm[1]
    lift = rise * (0.5 + 0.5 * np.sin(2.2 * math.pi * along + phase))
    foot = -turn.T @ np.array([0, 0, distance])
    x = x + lift * (x - page_mm[0] / 2 - foot[0]) / abs(foot[2])
    y = y + lift * (y - page_mm[1] / 2 - foot[1]) / abs(foot[2])
    at_x = np.linspace(0, x.shape[1] - 1, width, dtype=np.float32)[None].repeat(height, axis=0)
    at_y = np.linspace(0, x.shape[0] - 1, height, dtype=np.float32)[:, None].repeat(width, axis=1)
    full_x, full_y = (cv2.remap(way.astype(np.float32), at_x, at_y, cv2.INTER_LINEAR) for way in (x, y))
    return np.asarray(full_x, np.float32), np.asarray(full_y, np.float32), focal / distance


def _table(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """A wooden, plain or cluttered table, (h, w)."""
    height, width = size
    base = float(rng.choice([45, 80, 120, 160, 200], p=[0.2, 0.25, 0.25, 0.2, 0.1]))
    coarse = rng.normal(0, 1, (max(height // 160, 4), max(width // 12, 4))).astype(np.float32)
    grain = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        grain = cv2.resize(coarse.T, (width, height), interpolation=cv2.INTER_CUBIC)
    table = base + grain * np.float32(rng.uniform(1, 12))
    for _ in range(int(rng.integers(0, 4))):
        # things on the table: dark squares and bars are the ones that look like markers
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        extent = rng.uniform(0.01, 0.12, 2) * width
        box = cv2.boxPoints((centre, (float(extent[0]), float(extent[1])), float(rng.uniform(0, 90)))).astype(np.int32)
        cv2.fillPoly(table, [box], (float(rng.uniform(15, 235)),))
    limited: NDArray[np.float32] = np.clip(table, 8, 245).astype(np.float32)
    return limited


def _light(size: tuple[int, int], dials: PhoneDials, rng: np.random.Generator) -> NDArray[np.float32]:
    """Light falling on each pixel (h, w): a gradient, vignetting, and with luck no shadow."""
    height, width = size
    columns, rows = np.meshgrid(
        np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    )
    angle = rng.uniform(0, 2 * math.pi)
    light = 1 - np.float32(rng.uniform(0, 0.2)) * (columns * math.cos(angle) + rows * math.sin(angle))
    light *= 1 - np.float32(rng.uniform(0, 0.15)) * (columns**2 + rows**2) / 2
    depth = rng.uniform(*dials.shadow)
    if depth > 0.02 and rng.random() < 0.7:
        mask = np.zeros((height // 4, width // 4), np.float32)
        if rng.random() < 0.6:
            # the phone and the arms: a straight-edged shape from one side of the picture
            side = rng.uniform(0.2, 0.8)
            tip = rng.uniform(0.1, 0.9, 2)
            shape = np.array(
                [[side - 0.25, -0.1], [side + 0.25, -0.1], [tip[0] + 0.12, tip[1]], [tip[0] - 0.12, tip[1]]]
            )
            points = np.round(shape * np.array([width // 4, height // 4])).astype(np.int32)
            cv2.fillPoly(mask, [points], (1.0,))
            mask = np.ascontiguousarray(np.rot90(mask, int(rng.integers(0, 4))))
            mask = cv2.resize(mask, (width // 4, height // 4)).astype(np.float32)
        else:
            centre = (int(rng.integers(0, width // 4)), int(rng.integers(0, height // 4)))
            cv2.circle(mask, centre, int(rng.uniform(0.15, 0.4) * width / 4), (1.0,), -1)
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.004, 0.03) * width / 4 * 2).astype(np.float32)
        light *= 1 - np.float32(depth) * cv2.resize(mask, (width, height))
    return np.asarray(light, np.float32)


def _motion(scene: NDArray[np.float32], length: float, rng: np.random.Generator) -> NDArray[np.float32]:
    reach = math.ceil(length) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    angle = rng.uniform(0, math.pi)
    for offset in np.linspace(-length / 2, length / 2, 24):
        x, y = reach + offset * math.cos(angle), reach + offset * math.sin(angle)
        kernel[round(y), round(x)] += 1
    return cv2.filter2D(scene, -1, kernel / kernel.sum()).astype(np.float32)


def _with_noise(image: NDArray[np.float32], sigma: float, rng: np.random.Generator) -> GreyImage:
    grain = rng.standard_normal(image.shape[:2], dtype=np.float32) * np.float32(sigma)
    noisy = image + (grain if image.ndim == 2 else grain[:, :, None])
    return np.clip(noisy, 0, 255, out=noisy).astype(np.uint8)


def _through_jpeg(image: GreyImage, quality: tuple[int, int], rng: np.random.Generator) -> GreyImage:
    setting = int(rng.integers(quality[0], quality[1] + 1))
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, setting])
    decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR)
    if decoded is None:
        raise AssertionError("OpenCV could not read its own JPEG")
    return decoded.astype(np.uint8, copy=False)
