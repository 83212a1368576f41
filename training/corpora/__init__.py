"""Training corpora: recipes, examples, manifests."""
