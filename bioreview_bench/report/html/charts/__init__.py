"""One chart a module: pure functions from figures to SVG."""
