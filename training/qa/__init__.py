"""Question answering from tables: facts, items, verifiers, and the evaluation of answers."""
