"""Making data that can be scored: checking, describing, auditing, splitting, converting and releasing articles.

Each sub-folder is one of these. Reading a data folder is not: that is `data`.
"""
