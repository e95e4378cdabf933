"""Template tags and filters shared by all pages: load them with {% load countersign %}."""
