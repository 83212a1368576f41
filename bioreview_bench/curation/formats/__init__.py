"""Other people's data sets of peer review as articles: one file a format, registered by name in `registry`.

A converter reads through a `DataSource`, in bounded memory, and yields a `RawArticle` for each paper. Field names are
those of the data set's public card or code; `docs/data.md` says of which.
"""
