"""One module a page, and what pages share."""
