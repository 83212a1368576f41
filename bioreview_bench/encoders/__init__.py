"""Encoders: which exist, where their files are and whether they are genuine, encoding, the vector cache."""
