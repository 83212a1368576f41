"""Rewards of written reviews: plain functions for each component, and the composer that weighs them."""
