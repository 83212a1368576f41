"""The board's pages. `pages` makes HTML of views and nothing else; `router` serves it, `..static_site` writes it."""
