"""Answers over HTTP: events in, lists out."""
