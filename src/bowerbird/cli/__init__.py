"""Words become calls, and what they return is printed."""
