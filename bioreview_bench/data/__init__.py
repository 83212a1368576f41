"""Articles: reading data folders, released versions and their manifests, fingerprints."""
