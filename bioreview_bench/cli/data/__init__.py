"""The `bench data ...` commands, one file each."""
