"""Figures, one JSON line each: measured beside their peers on the same PostgreSQL in the same round, medians."""
