"""Questions about what is published and what happens, answered by frozen dataclasses that are ready to print."""
