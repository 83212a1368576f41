"""How far a contract can be trusted: its matches held against what raters judged, and the card that says so."""
