"""Bundled demo data: invented articles and predictions, in the layout of a data folder."""
