"""Charts of the board as inline SVG."""
