from django.apps import AppConfig


class AcademiesConfig(AppConfig):
    name = "apps.academies"
    label = "academies"
