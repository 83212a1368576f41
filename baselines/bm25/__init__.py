"""BM25 over the training articles: the index, the corpora and the two reviewers that borrow from it."""
