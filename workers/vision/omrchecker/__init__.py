"""Answer sheets of other makers, described by OMRChecker's ``template.json``: arrays in, frozen dataclasses out."""

from sheets.template import BadTemplate, Template, TemplateJson, asset_names, parse_template
from workers.vision.omrchecker.blank import BlankSheet, flatten_blank
from workers.vision.omrchecker.overlay import draw_template_overlay
from workers.vision.omrchecker.read import read_template_sheet

__all__ = [
    "BadTemplate",
    "BlankSheet",
    "Template",
    "TemplateJson",
    "asset_names",
    "draw_template_overlay",
    "flatten_blank",
    "parse_template",
    "read_template_sheet",
]
