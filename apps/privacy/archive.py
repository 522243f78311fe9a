"""The copy of all that is held about a person: a ZIP archive that they can open without us."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import orjson
from django.db import transaction

from academy.storage import s3
from academy.tenancy.holdings import Holding, Subject, holdings

MAX_PICTURE_BYTES: Final = 60 * 1024 * 1024
README: Final = """\
이 압축 파일에는 학원이 보관하고 있는 회원님(또는 자녀)에 관한 모든 정보가 들어 있습니다.
data/      표마다 하나의 JSON 파일 (UTF-8)
pictures/  제출한 답안지 등의 그림
비밀번호처럼 암호화되어 보관되는 값은 안전을 위해 넣지 않았습니다.

This archive holds all that the academy keeps about you (or your child).
data/      one JSON file per table (UTF-8)
pictures/  pages that were handed in, and what was read on them
Secrets such as passwords, which are kept encrypted, are left out for your safety.
"""


def write_archive(file: IO[bytes], subject: Subject, *, step: Callable[[], None]) -> int:
    """Write the archive to ``file`` and return how many rows it holds. ``step`` is called as the work moves on.

    Memory: the rows of one table about one person, and one picture.
    """
    row_count = 0
    written: set[str] = set()
    with ZipFile(file, "w", compression=ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        for name, group in _by_table().items():
            rows: list[dict[str, Any]] = []
            pictures: list[tuple[str, str]] = []
            for holding in group:
                with transaction.atomic():
                    found = holding.model._default_manager.filter(holding.about(subject)).order_by("pk")
                    rows += found.values(*holding.columns)
                    if holding.has_pictures:
                        pictures += [(f"{name}/{row.pk}", key) for row in found for key in holding.pictures(row)]
            row_count += len(rows)
            archive.writestr(f"data/{name}.json", orjson.dumps(rows, default=str, option=orjson.OPT_INDENT_2))
            step()
            for place, (stem, key) in enumerate(pictures):
                if key not in written:
                    written.add(key)
                    _add_picture(archive, f"pictures/{stem}-{place}", key)
                    step()
    return row_count


def _by_table() -> dict[str, list[Holding]]:
    tables: dict[str, list[Holding]] = {}
    for holding in holdings():
        tables.setdefault(holding.model._meta.label_lower, []).append(holding)
    return tables


def _add_picture(archive: ZipFile, name: str, key: str) -> None:
    try:
        data = s3.read_object(key, max_bytes=MAX_PICTURE_BYTES)
    except s3.ObjectMissing:
        return  # announced and never sent
    suffix = ".pdf" if data.startswith(b"%PDF") else ".png" if data.startswith(b"\x89PNG") else ".jpg"
    archive.writestr(name + suffix, data, compress_type=ZIP_STORED)
