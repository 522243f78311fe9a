"""What the walk over the URLs puts into them: an object for every path argument, a body for every method with one.

A URL with an argument or a body that is not named here fails the walk: name it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.factories import PASSWORD, Cast

# What no row has.
MISSING_ID: Final = 2**40

# Path argument -> the academy's object of that kind.
OBJECTS: Final[Mapping[str, Callable[[Cast], object]]] = {
    "exam_id": lambda cast: cast.exam.pk,
    "batch_id": lambda cast: cast.batch.pk,
    "scan_id": lambda cast: cast.scan.pk,
    "job_id": lambda cast: cast.job.pk,
}

# (URL name, method) -> a body that succeeds, with ids of the academy's own things.
BODIES: Final[Mapping[tuple[str, str], Callable[[Cast], dict[str, Any]]]] = {
    ("session", "POST"): lambda cast: {"phone": str(cast.owner.phone), "password": PASSWORD},
    ("students", "POST"): lambda _: {"number": "990001", "name": "최새봄"},
    ("exams", "POST"): lambda _: {"title": "기말고사", "question_count": 20},
    ("exams-on-template", "POST"): lambda cast: {"title": "모의고사", "template_upload": cast.template_upload.pk},
    ("exam-key", "PUT"): lambda _: {"answers": {"q1": ["2"]}},
    ("exam-scans", "POST"): lambda cast: {"upload": cast.spare_upload.pk},
    ("uploads", "POST"): lambda _: {"file_name": "scan.jpg", "content_type": "image/jpeg"},
}

# URLs outside every academy: they answer on any host and show nobody's data.
UNTENANTED: Final = frozenset({"health", "ready"})
