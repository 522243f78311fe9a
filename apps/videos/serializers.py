"""The shapes of videos on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from academy.jobs.reasons import text_of
from academy.storage import s3
from apps.videos.models import Video, VideoPage

MAX_ID = 2**63 - 1


class NewVideoSerializer(serializers.Serializer[None]):
    upload = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    title = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class HandedInBySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class VideoSerializer(serializers.ModelSerializer[Video]):
    """The three flags say why pages may be missing: too many, too long, a damaged file."""

    file_name = serializers.CharField(source="upload.file_name", read_only=True)
    state = serializers.CharField(source="job.state", read_only=True)
    progress = serializers.FloatField(source="job.progress", read_only=True)
    error_code = serializers.CharField(source="job.error_code", read_only=True)
    error_message = serializers.SerializerMethodField()
    created_by = HandedInBySerializer(read_only=True, allow_null=True)

    class Meta:
        model = Video
        fields = (
            "id",
            "title",
            "file_name",
            "created_at",
            "created_by",
            "job",
            "state",
            "progress",
            "error_code",
            "error_message",
            "seconds",
            "width",
            "height",
            "page_count",
            "is_truncated",
            "is_timed_out",
            "is_cut_off",
        )
        read_only_fields = fields

    def get_error_message(self, video: Video) -> str:
        return text_of(video.job.error_code) if video.job else ""


class StaySerializer(serializers.Serializer[Any]):
    start = serializers.FloatField()
    end = serializers.FloatField()


class VideoPageSerializer(serializers.ModelSerializer[VideoPage]):
    """One page: its picture and thumbnail by links good for five minutes, and when it was shown, in seconds."""

    stays = serializers.SerializerMethodField()
    picture_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()

    class Meta:
        model = VideoPage
        fields = (
            "position",
            "at_seconds",
            "stays",
            "width",
            "height",
            "is_straightened",
            "picture_url",
            "thumbnail_url",
        )
        read_only_fields = fields

    def get_stays(self, page: VideoPage) -> list[dict[str, float]]:
        return [{"start": start, "end": end} for start, end in page.stays]

    def get_picture_url(self, page: VideoPage) -> str:
        return s3.presign_get(page.picture_key)

    def get_thumbnail_url(self, page: VideoPage) -> str:
        return s3.presign_get(page.thumbnail_key)


class VideoDetailSerializer(VideoSerializer):
    pages = VideoPageSerializer(many=True, read_only=True)

    class Meta(VideoSerializer.Meta):
        fields = (*VideoSerializer.Meta.fields, "pages")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]
