"""What this app calls outside."""
