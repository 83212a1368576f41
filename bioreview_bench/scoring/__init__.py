"""From articles and predictions to a Result: texts, similarity spaces, the tally, the public `score`."""
