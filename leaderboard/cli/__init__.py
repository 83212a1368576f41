"""The commands `bench leaderboard ...` and `bench submit ...`."""
