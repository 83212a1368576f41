"""Released versions: their manifests, getting them from the Hub, and invented articles with known answers."""
