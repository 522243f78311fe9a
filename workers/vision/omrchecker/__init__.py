"""Answer sheets of other makers, described by OMRChecker's ``template.json``: arrays in, frozen dataclasses out."""

from workers.vision.omrchecker.overlay import draw_template_overlay
from workers.vision.omrchecker.read import read_template_sheet
from workers.vision.omrchecker.template import BadTemplate, Template, TemplateJson, asset_names, parse_template

__all__ = [
    "BadTemplate",
    "Template",
    "TemplateJson",
    "asset_names",
    "draw_template_overlay",
    "parse_template",
    "read_template_sheet",
]
