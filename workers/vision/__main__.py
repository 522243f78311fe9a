"""The recognisers by hand: ``python -m workers.vision layout ...`` and ``python -m workers.vision sheet ...``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.layout import A4, LETTER, Choices, Essays, Group, Layout, Numbers, design_layout
from sheets.pdf import render_pdf
from sheets.reading import FieldReading, FieldStatus, SheetReading, UnreadableSheet
from workers.media.errors import BrokenMedia
from workers.media.pages import decode_page, page_count
from workers.vision.omrchecker import BadTemplate, draw_template_overlay, read_template_sheet
from workers.vision.overlay import draw_overlay
from workers.vision.sheet import read_sheet
from workers.vision.template_folder import load_template_folder

GreyImage = NDArray[np.uint8]

ALL_READ: Final = 0
SOME_UNREADABLE: Final = 1
BAD_USAGE: Final = 2
PAPERS: Final = {paper.name: paper for paper in (A4, LETTER)}


@dataclass(frozen=True, slots=True)
class Reader:
    """How one kind of sheet is read and drawn."""

    read: Callable[[GreyImage], SheetReading]
    draw: Callable[[GreyImage, SheetReading], NDArray[np.uint8]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb. 0: all was read. 1: some file was not. 2: the call itself was wrong."""
    options = _parser().parse_args(arguments)
    cv2.setNumThreads(1)
    if options.verb == "layout":
        return _layout(options)
    return _sheet(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.vision", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    layout = verbs.add_parser("layout", help="design an answer sheet and print it")
    asked = layout.add_mutually_exclusive_group(required=True)
    asked.add_argument("--questions", type=int, help="so many single choices")
    asked.add_argument(
        "--group",
        type=_group,
        action="append",
        default=[],
        metavar="KIND:COUNT[:OPTIONS]",
        help="single:15:choices=5, several:3, numeric:7:digits=3,decimals=2,sign or denominator=2, essay:1:lines=6",
    )
    layout.add_argument("--choices", type=int, default=5)
    layout.add_argument("--versions", type=int, default=0, help="2 to 4: a row for the versions A to D")
    layout.add_argument("--large", action="store_true", help="large print")
    layout.add_argument("--paper", choices=sorted(PAPERS), default=A4.name)
    layout.add_argument("--digits", type=int, default=6)
    layout.add_argument("--json", type=Path, required=True, help="where the layout goes")
    layout.add_argument("--pdf", type=Path, help="where the printed form goes")
    layout.add_argument("--sheet-id", default="0")
    layout.add_argument("--heading", default="답안지")
    layout.add_argument("--academy", default="")
    sheet = verbs.add_parser("sheet", help="read pictures of a sheet")
    kind = sheet.add_mutually_exclusive_group(required=True)
    kind.add_argument("--layout", type=Path, help="a layout of this product")
    kind.add_argument("--omrchecker", type=Path, metavar="DIR", help="a folder with another maker's template.json")
    sheet.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="pictures or PDF files")
    sheet.add_argument("--json", action="store_true", help="print a list of readings and errors as JSON")
    sheet.add_argument("--overlay", type=Path, metavar="DIR", help="where pictures of what was read go")
    return parser


def _group(text: str) -> Group:
    """``numeric:7:digits=3,sign`` as a group. Raises ``ValueError``, which argparse shows."""
    kind, count, options = (*text.split(":", 2), "", "")[:3]
    sizes: dict[str, int] = {}
    for part in filter(None, options.split(",")):
        name, _, value = part.partition("=")
        sizes[name] = int(value or 1)
    has_sign = bool(sizes.pop("sign", 0))
    choices = sizes.pop("choices", 5)
    makers: dict[str, Callable[[], Group]] = {
        "single": lambda: Choices(int(count), choices),
        "several": lambda: Choices(int(count), choices, has_several=True),
        "numeric": lambda: Numbers(int(count), has_sign=has_sign, **sizes),
        "essay": lambda: Essays(int(count), **sizes),
    }
    if kind in ("single", "several") and sizes:
        raise ValueError(f"{text!r}: choices is the only option of {kind}")
    try:
        return makers[kind]()
    except (KeyError, TypeError) as error:
        raise ValueError(f"{text!r} names no group") from error


def _layout(options: argparse.Namespace) -> int:
    try:
        layout = design_layout(
            question_count=options.questions,
            choice_count=options.choices,
            groups=options.group,
            number_digits=options.digits,
            version_count=options.versions,
            is_large_print=options.large,
            paper=PAPERS[options.paper],
        )
        pdf = render_pdf(layout, sheet_id=options.sheet_id, heading=options.heading, academy=options.academy)
    except ValueError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    options.json.write_text(layout.to_text(), encoding="utf-8")
    if options.pdf is not None:
        options.pdf.write_bytes(pdf)
    print(f"{layout.fingerprint}  {layout.question_count} questions on {len(layout.pages)} pages")
    return ALL_READ


def _sheet(options: argparse.Namespace) -> int:
    try:
        reader = _layout_reader(options.layout) if options.layout else _template_reader(options.omrchecker)
    except (OSError, ValueError, BadTemplate) as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    if options.overlay is not None:
        options.overlay.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, object]] = []
    for path in options.images:
        for result in _read_file(path, reader, options.overlay):
            results.append(result)
            if not options.json:
                print(_line(result))
    if options.json:
        print(json.dumps([_as_json(result) for result in results], ensure_ascii=False, indent=1))
    return SOME_UNREADABLE if any("error" in result for result in results) else ALL_READ


def _layout_reader(path: Path) -> Reader:
    layout = Layout.from_text(path.read_text(encoding="utf-8"))
    return Reader(
        read=lambda image: read_sheet(image, layout), draw=lambda image, reading: draw_overlay(image, layout, reading)
    )


def _template_reader(folder: Path) -> Reader:
    template = load_template_folder(folder)
    return Reader(
        read=lambda image: read_template_sheet(image, template),
        draw=lambda image, reading: draw_template_overlay(image, template, reading),
    )


def _read_file(path: Path, reader: Reader, overlay: Path | None) -> Iterator[dict[str, object]]:
    """One result for each page of a file: ``file``, ``index`` and either ``reading`` or ``error``."""
    try:
        data = path.read_bytes()
        count = page_count(data)
    except OSError as error:
        yield {"file": str(path), "index": 0, "error": {"reason": "no_file", "message": str(error)}}
        return
    except BrokenMedia as error:
        yield {"file": str(path), "index": 0, "error": {"reason": str(error.reason), "message": error.message}}
        return
    for index in range(count):
        place: dict[str, object] = {"file": str(path), "index": index}
        try:
            image = decode_page(data, index)
            reading = reader.read(image)
        except (BrokenMedia, UnreadableSheet) as error:
            yield place | {"error": {"reason": str(error.reason), "message": error.message}}
            continue
        if overlay is not None:
            name = path.stem if count == 1 else f"{path.stem}-{index + 1}"
            target = overlay / f"{name}.jpg"
            cv2.imwrite(str(target), reader.draw(image, reading))
            place["overlay"] = str(target)
        yield place | {"reading": reading}


def _as_json(result: dict[str, object]) -> dict[str, object]:
    reading = result.get("reading")
    return result | {"reading": reading.to_json()} if isinstance(reading, SheetReading) else result


def _line(result: dict[str, object]) -> str:
    reading, error = result.get("reading"), result.get("error")
    if not isinstance(reading, SheetReading):
        return f"{result['file']}: {error}"
    number = reading.student_number.values[0] if reading.student_number else "-"
    answers = " ".join(_answer(field) for field in reading.fields)
    version = f", version {_answer(reading.version).partition('=')[2]}" if reading.version else ""
    return f"{result['file']}: page {reading.page}, number {number}{version}: {answers}"


def _answer(field: FieldReading) -> str:
    doubt = "?" if field.status is FieldStatus.UNSURE else ""
    return f"{field.label}={','.join(field.values) or '-'}{doubt}"


if __name__ == "__main__":
    sys.exit(main())
