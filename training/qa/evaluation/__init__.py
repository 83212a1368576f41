"""Scoring answers to questions with ground truth."""
