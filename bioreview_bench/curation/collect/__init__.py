"""Getting newly published articles with their reviews from publishers' open interfaces, politely."""
