from django.apps import AppConfig


class AuditsConfig(AppConfig):
    name = "academy.audits"
    label = "audits"
