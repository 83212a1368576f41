"""Every number as a function of counts, its uncertainty (the bootstrap), and comparison (approximate randomisation)."""
