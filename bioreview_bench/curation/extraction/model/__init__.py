"""Concerns from letters by a language model, in two stages: spans, which must be verbatim in the letter, and labels."""
