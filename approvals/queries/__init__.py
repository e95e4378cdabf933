"""What pages and services ask of this app's rows. Answers are frozen and ready to print; nothing is changed here."""
