"""A language model in the place of an encoder: asking, reading its answers whole, counting pairs called the same."""
