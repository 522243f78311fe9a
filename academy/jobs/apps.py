from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "academy.jobs"
    label = "jobs"
