"""One paper, or one letter, read from a file: PDF, DOCX, JATS, HTML, Markdown, plain text.

`read.py` tells by its content what a file is; each form has a file of its own. Nothing here knows of reviewers.
"""
