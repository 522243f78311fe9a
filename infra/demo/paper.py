"""The demo's paper: sheets printed by the product, filled by a generator that knows what it meant, then captured."""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat

import cv2
import numpy as np
import pillow_heif
import pypdfium2
from numpy.typing import NDArray
from PIL import Image

from benchmarks.omr.camera import PhoneDials, photograph_page, scan_page
from benchmarks.omr.generator import BASE_DPI, CONDITIONS, Truth, fill_page
from benchmarks.omr.marks import draw_person
from infra.demo.client import File
from sheets.layout import Layout

PDF = "application/pdf"
SEED = 20_26
FLAT, SCAN_300, PHONE, PHONE_HEIC = "flat", "scan300", "phone", "phone (HEIC)"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One captured sheet (JPEG bytes, or HEIC) and what its writer meant."""

    condition: str
    picture: bytes
    truth: Truth


def make_sheets(pdf: bytes, layout: Layout, amounts: dict[str, int], *, seed: int) -> list[Sheet]:
    """Fill and capture copies of the printed ``pdf`` (one page); ``amounts`` names how many per condition."""
    conditions = [condition for condition, amount in amounts.items() for _ in range(amount)]
    seeds = range(seed, seed + len(conditions))
    with ProcessPoolExecutor() as pool:
        return list(pool.map(make_sheet, repeat(pdf), repeat(layout), conditions, seeds))


def make_sheet(pdf: bytes, layout: Layout, kind: str, seed: int) -> Sheet:
    """One filled and captured copy of the printed ``pdf``. The same arguments give the same picture."""
    rng = np.random.default_rng([SEED, seed])
    condition = CONDITIONS[PHONE if kind == PHONE_HEIC else kind]
    page = _printed(pdf).copy()
    truth, _ = fill_page(page, layout.page(1), condition, draw_person(rng), rng, sheet_id="")
    if isinstance(condition.capture, PhoneDials):
        picture = photograph_page(page, BASE_DPI, condition.capture, rng)
    else:
        picture = scan_page(page, BASE_DPI, condition.capture, rng)
    encoded = _heic(picture) if kind == PHONE_HEIC else _jpeg(picture)
    return Sheet(kind, encoded, truth)


@lru_cache(maxsize=2)
def _printed(pdf: bytes) -> NDArray[np.uint8]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        bitmap = document[0].render(scale=BASE_DPI / 72, grayscale=True)
        return np.ascontiguousarray(bitmap.to_numpy().reshape(bitmap.height, -1)[:, : bitmap.width])
    finally:
        document.close()


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def _heic(picture: NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(picture).convert("RGB")).save(target, quality=80)
    return target.getvalue()


def as_one_pdf(sheets: list[Sheet]) -> bytes:
    """Scans bound into one PDF, a page each, as a copier with a feeder makes them."""
    pages = [Image.open(io.BytesIO(sheet.picture)) for sheet in sheets]
    target = io.BytesIO()
    pages[0].save(target, "PDF", save_all=True, append_images=pages[1:], resolution=200)
    return target.getvalue()


def broken_files(other_sheet: bytes) -> dict[str, File]:
    """Files that must be refused, by the error code that must come back."""
    photo = cv2.imencode(".jpg", np.full((1600, 1200), 90, np.uint8))[1].tobytes()
    noise = np.random.default_rng(1).integers(0, 255, (900, 700), np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    return {
        "not_a_picture": File("숙제.jpg", "image/jpeg", b"this is a text file, whatever its name says" * 20),
        "truncated": File("끊긴 전송.jpg", "image/jpeg", jpeg[: len(jpeg) // 2]),
        "no_sheet": File("책상.jpg", "image/jpeg", photo),
        "other_sheet": File("다른 학원 답안지.jpg", "image/jpeg", other_sheet),
    }
