"""Files and folders: atomic writing, JSON lines, the Hub, cache locations, prefetching."""
