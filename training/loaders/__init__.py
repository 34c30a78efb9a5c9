"""Corpora on disk as tracks that are decoded when they are loaded."""
