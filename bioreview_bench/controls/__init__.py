"""What a score would be by chance: other articles' predictions, sentences of the paper, stock comments."""
