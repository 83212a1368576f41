"""Models on the training side: families, chat templates, quantisation, adapters, merging, memory."""
