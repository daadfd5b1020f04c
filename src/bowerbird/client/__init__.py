"""ASK A SERVICE, TELL IT WHAT HAPPENED: knows nothing of the rest, and loads nothing heavy."""
