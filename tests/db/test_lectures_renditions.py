"""The job that writes a lecture in several qualities: where the plan has it, once, and with nothing left behind."""

from __future__ import annotations

from typing import Any

import pytest

from academy.audits.files import check_files
from academy.jobs.compute import ComputeRefused, JobCancelled
from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.tenancy.models import Plan
from apps.lectures import tasks
from apps.lectures.models import Lecture, LectureRendition
from apps.lectures.tasks import RENDITIONS_SECONDS
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.db.test_lectures_prepare import FILM, WRITTEN, answer
from tests.factories import Cast, World, make_lecture

pytestmark = pytest.mark.usefixtures("aws")
KIND = "lectures.write_renditions"


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """An academy whose plan has them."""
    keep_connection(monkeypatch)
    allow(world.hana, 10)
    return world.hana


def allow(cast: Cast, per_day: int | None) -> None:
    """So many a day, ``None``: the plan has none."""
    plan = Plan.objects.get(pk=cast.tenant.plan_id)
    plan.job_kinds = {kind: tier for kind, tier in plan.job_kinds.items() if kind != KIND}
    if per_day is not None:
        plan.job_kinds[KIND], plan.daily_limits[KIND] = "video", per_day
    plan.save(update_fields=["job_kinds", "daily_limits"])
    cast.tenant.plan = plan


def sent(cast: Cast) -> Lecture:
    with cast.acting():
        lecture = make_lecture(cast.course, created_by=cast.teacher, is_ready=False)
        s3.write_object(lecture.upload.key, FILM, content_type="video/mp4")
    return lecture


def fresh(cast: Cast, lecture: Lecture) -> Lecture:
    with cast.acting():
        return Lecture.objects.select_related("job", "renditions_job").get(pk=lecture.pk)


def prepared(cast: Cast, lecture: Lecture) -> Lecture:
    sandbox = FakeSandbox(lambda *_: answer())
    sandbox.outputs["lecture.mp4"] = WRITTEN
    deliver(cast.tenant, lecture.job_id, sandbox)
    return fresh(cast, lecture)


def written(name: str, data: bytes) -> dict[str, Any]:
    facts = {"width": 640, "height": 360, "codecs": "avc1.64001e", "peak_bits": 9, "average_bits": 8, "head_bytes": 4}
    return {"name": name, "file": f"{name}.mp4", **facts, "segments": [[6.0, len(data) - 4]]}


def writing(*names: str) -> FakeSandbox:
    data = {name: f"{name} film".encode() for name in names}
    sandbox = FakeSandbox(lambda *_: [written(name, film) for name, film in data.items()])
    sandbox.outputs = {f"{name}.mp4": film for name, film in data.items()}
    return sandbox


def objects_of(cast: Cast, lecture: Lecture) -> list[str]:
    with cast.acting():
        place = s3.tenant_key("lectures", str(lecture.pk), "renditions") + "/"
        return sorted(key for key, _ in s3.versions_of(place))


def keys_of(cast: Cast, lecture: Lecture) -> list[str]:
    with cast.acting():
        return sorted(LectureRendition.objects.filter(lecture=lecture).values_list("key", flat=True))


def test_a_lecture_that_is_ready_is_then_written_in_its_qualities(hana: Cast) -> None:
    lecture = prepared(hana, sent(hana))
    assert lecture.is_ready, "it is watched meanwhile"
    assert lecture.renditions_job is not None
    assert (lecture.renditions_job.kind, lecture.renditions_job.queue) == (KIND, "video")
    sandbox = writing("high", "low")
    deliver(hana.tenant, lecture.renditions_job_id, sandbox)
    ((function, arguments),) = sandbox.calls
    assert (function, arguments[1:]) == ("workers.compute:write_lecture_renditions", (RENDITIONS_SECONDS,))
    with hana.acting():
        low = LectureRendition.objects.get(lecture=lecture, name="low")
        assert s3.read_object(low.key, max_bytes=100) == b"low film"
        assert (low.byte_count, low.segments) == (8, [[6.0, 4]])
    assert keys_of(hana, lecture) == objects_of(hana, lecture)
    assert len(keys_of(hana, lecture)) == 2
    assert not [note for note in check_files().notes if "/renditions/" in note], "every file is named by a row"


def test_a_plan_without_them_and_one_that_is_used_up_leave_it_as_it_is(hana: Cast) -> None:
    for per_day in (None, 0):
        allow(hana, per_day)
        lecture = prepared(hana, sent(hana))
        assert lecture.job is not None
        assert (lecture.job.state, lecture.is_ready, lecture.renditions_job_id) == (JobState.SUCCEEDED, True, None)


def test_killed_after_its_files_were_kept_the_next_attempt_leaves_nothing_of_it(
    hana: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    lecture = prepared(hana, sent(hana))
    kept = tasks._kept

    def killed(*arguments: Any) -> LectureRendition:
        kept(*arguments)
        raise JobCancelled("the worker died")

    monkeypatch.setattr(tasks, "_kept", killed)
    deliver(hana.tenant, lecture.renditions_job_id, writing("high", "low"))
    assert len(objects_of(hana, lecture)) == 1
    assert keys_of(hana, lecture) == []
    assert fresh(hana, lecture).video_key == lecture.video_key, "what is watched is untouched"
    monkeypatch.setattr(tasks, "_kept", kept)
    with hana.acting():
        Job.objects.filter(pk=lecture.renditions_job_id or 0).update(
            state=JobState.QUEUED, available_at=lecture.created_at
        )
    deliver(hana.tenant, lecture.renditions_job_id, writing("high", "low"))
    assert keys_of(hana, lecture) == objects_of(hana, lecture)
    assert all("-2-" in key for key in keys_of(hana, lecture))


def test_made_ready_again_the_old_qualities_go_and_new_ones_come(hana: Cast) -> None:
    lecture = prepared(hana, sent(hana))
    first = lecture.renditions_job_id
    deliver(hana.tenant, first, writing("high", "low"))
    with hana.acting():
        Job.objects.filter(pk=job_id_of(lecture)).update(state=JobState.QUEUED)
    lecture = prepared(hana, lecture)
    assert (keys_of(hana, lecture), objects_of(hana, lecture)) == ([], [])
    assert lecture.renditions_job_id != first
    deliver(hana.tenant, lecture.renditions_job_id, writing("high"))
    assert len(keys_of(hana, lecture)) == 1


def test_what_was_written_of_another_film_or_of_a_deleted_lecture_is_not_kept(hana: Cast) -> None:
    replaced, deleted = prepared(hana, sent(hana)), prepared(hana, sent(hana))

    def meanwhile(*_: object) -> list[dict[str, Any]]:
        Lecture.objects.filter(pk=replaced.pk).update(video_key=replaced.video_key + "x")
        Lecture.objects.filter(pk=deleted.pk).delete()
        return [written("high", b"high film")]

    for lecture in (replaced, deleted):
        sandbox = FakeSandbox(meanwhile)
        sandbox.outputs["high.mp4"] = b"high film"
        deliver(hana.tenant, lecture.renditions_job_id, sandbox)
        assert (keys_of(hana, lecture), objects_of(hana, lecture)) == ([], [])


def test_a_lecture_that_is_too_long_is_watched_in_the_one_it_has(hana: Cast) -> None:
    def refuse(*_: object) -> None:
        raise ComputeRefused("workers.media.errors.BrokenMedia", "too_long_for_renditions", "It is too long.")

    lecture = prepared(hana, sent(hana))
    deliver(hana.tenant, lecture.renditions_job_id, FakeSandbox(refuse))
    lecture = fresh(hana, lecture)
    assert lecture.renditions_job is not None
    assert (lecture.renditions_job.state, lecture.renditions_job.error_code) == ("failed", "too_long_for_renditions")
    assert (lecture.is_ready, keys_of(hana, lecture)) == (True, [])
