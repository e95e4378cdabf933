"""What the watcher's pages print. It asks the other apps by their queries only, and keeps nothing of its own."""
