"""Songs made by rule: licence-free stems for training, tests and demonstrations.

Voice and band are synthesized from a seed. `synthetic_songs` is the way in; each family of
instruments is a module of its own.
"""

from training.synthetic.tracks import synthetic_songs

__all__ = ["synthetic_songs"]
