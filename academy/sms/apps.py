from django.apps import AppConfig


class SmsConfig(AppConfig):
    name = "academy.sms"
    label = "sms"
