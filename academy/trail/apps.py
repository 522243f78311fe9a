from django.apps import AppConfig


class TrailConfig(AppConfig):
    name = "academy.trail"
    label = "trail"
