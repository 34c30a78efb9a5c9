"""Weights that other programs have trained, for the networks of the zoo."""
