"""Jobs for SLURM and sweeps."""
