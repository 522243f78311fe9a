from django.apps import AppConfig


class StorageConfig(AppConfig):
    name = "academy.storage"
    label = "storage"
