"""Settings of the documentation: Sphinx with Markdown, and pages generated from the parsers and the data."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from generate import write_pages  # noqa: E402 - the path comes first

project = "LTDB"
html_title = "LTDB digital twin and test bench"
copyright = "the LTDB project, MIT licence"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#00694f", "color-brand-content": "#0063a6"},
    "dark_css_variables": {"color-brand-primary": "#5fc9a8", "color-brand-content": "#7cb8e8"},
}
html_show_sourcelink = False
html_copy_source = False
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_google_docstring = False
napoleon_use_rtype = False
# Docstrings quote names in single backticks; they are code, wherever they are defined.
default_role = "code"

write_pages(HERE / "generated")
