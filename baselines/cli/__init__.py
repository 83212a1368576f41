"""The commands `bench baseline`, `postprocess` and `ensemble`, and what they print."""
