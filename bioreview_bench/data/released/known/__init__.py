"""Twelve invented papers, and six reviewers of whom it is known which concern each of their texts makes."""
