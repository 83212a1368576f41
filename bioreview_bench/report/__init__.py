"""Results for people: what the controls mean in words, and tables for terminal and Markdown."""
