from django.apps import AppConfig


class LecturesConfig(AppConfig):
    name = "apps.lectures"
    label = "lectures"
