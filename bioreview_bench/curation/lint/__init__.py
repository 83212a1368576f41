"""`bench data lint`: what is wrong, odd or worth knowing about articles, rule by rule and line by line."""
