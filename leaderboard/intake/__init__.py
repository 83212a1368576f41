"""What is submitted: reading a package, its card, validating it, near copies."""
