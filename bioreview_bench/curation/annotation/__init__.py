"""Labels by people: a sample for two blinded raters, a page to label in, answers kept safely, and agreement."""
