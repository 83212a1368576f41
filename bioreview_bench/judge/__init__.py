"""A language model as the yardstick: it reads an article's predictions and references and says which make one point."""
