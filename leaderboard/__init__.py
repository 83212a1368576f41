"""Submissions: validation, server-side scoring, ranking, the web page."""
