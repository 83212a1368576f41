"""Predictions made from predictions: post-processing and ensembles."""
