#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

from academy.logs.uncaught import log_uncaught

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings")
    log_uncaught()
    execute_from_command_line(sys.argv)
