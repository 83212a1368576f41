"""The asynchronous call engine: concurrency, pacing, keys, prices, progress."""
