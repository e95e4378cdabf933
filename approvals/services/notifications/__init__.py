"""Telling people and other programs: read the log, plan notices, keep what became of each. Sending is an adapter's."""
