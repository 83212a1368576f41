"""From an adapter to a submission: generation, probes, cards, the Hub."""
