"""Results as values and files: counts, records, pairs, provenance, older layouts."""
