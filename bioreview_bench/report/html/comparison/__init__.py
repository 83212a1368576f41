"""Results of the same articles as one HTML file: their scores side by side, and article by article who found what."""

from bioreview_bench.report.html.comparison.page import compose
from bioreview_bench.report.html.comparison.systems import systems

__all__ = ["compose", "systems"]
