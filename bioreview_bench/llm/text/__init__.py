"""What a model is sent and how its answer is read: prompts, fitting to a budget, the parser."""
