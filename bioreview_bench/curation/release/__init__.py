"""Releasing a data set: configurations as files, what describes them, the text-free public part, the upload."""
