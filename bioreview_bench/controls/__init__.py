"""What a score would be by accident: other articles' predictions, sentences of the paper, stock comments."""
