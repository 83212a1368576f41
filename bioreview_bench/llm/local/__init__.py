"""Chat models on disk: templates, weights, model folders."""
