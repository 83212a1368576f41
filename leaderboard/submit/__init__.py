"""Sending a submission: to a board, a local file, or the Hub."""
