from django.apps import AppConfig


class LimitsConfig(AppConfig):
    name = "academy.limits"
    label = "limits"
