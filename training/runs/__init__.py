"""What every training run shares: checking, planning, folders, resuming, reporting."""
