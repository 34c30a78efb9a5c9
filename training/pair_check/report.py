"""What was found out of a pair, as one value."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from training.pair_check.measures import MEASURES
from training.pair_check.null_test import NullTest
from training.pair_check.preparation import SAMPLE_RATE, WINDOW
from training.pair_check.views import VIEWS

# SDRs that every pair has; those of ideal masks lie between.
MIXTURE, EXTRACTED = "mixture", "extracted"
# A stem that is as it should be: samples at 22,050 Hz, and dB.
_DELAY, _LEVEL, _DEPTH = 1.0, 1.0, -8.0
# An ideal ratio mask that is no better than this leaves a network nothing to learn.
_CEILING = 3.0
# How far below the ideal ratio mask the mask of the fingerprint may stay.
_SHORTFALL = 3.0


@dataclass(frozen=True)
class PairReport:
    """The result of `training.check_pair`.

    Args:
        mixture: its file.
        stem: its file.
        seconds: what of them was used.
        windows: of 1024 samples at 22,050 Hz.
        delay: samples at 22,050 Hz by which the stem's part of the mixture is later than the stem.
        correlation: of mixture and stem at this delay, -1 to 1.
        prominence: how far the peak of their whitened correlation stands out.
        gain: of the stem in the mixture against its file, in dB.
        inverted: whether the stem's polarity is the other one.
        aligned: whether the delay was corrected.
        difference: by how many seconds the stem's file is longer.
        null_given: the null test without the delay corrected.
        null_aligned: the null test with the delay corrected.
        sdr: in dB, against the stem, of the mixture, of the ideal masks and of what was extracted.
        losses: first and last sum of the search's distances.
    """

    mixture: str
    stem: str
    seconds: float
    windows: int
    delay: float
    correlation: float
    prominence: float
    gain: float
    inverted: bool
    aligned: bool
    difference: float
    null_given: NullTest
    null_aligned: NullTest
    sdr: dict[str, float] = field(default_factory=dict)
    losses: tuple[float, float] = (math.nan, math.nan)

    @property
    def improvement(self) -> float:
        """SDR of what was extracted over that of the mixture, in dB."""
        return self.sdr[EXTRACTED] - self.sdr[MIXTURE]

    @property
    def problems(self) -> list[str]:
        """Why the pair is not fit for training, a line each."""
        found = []
        depth = self.null_aligned.depth
        cancels = depth <= _DEPTH
        if not self.aligned:
            if abs(self.delay) > _DELAY:
                when = "early" if self.delay > 0 else "late"
                found.append(f"the stem is {self._delay(abs(self.delay))} too {when}")
            if self.inverted:
                found.append("the stem is inverted")
            # What does not cancel has no level to speak of.
            if cancels and abs(self.gain) > _LEVEL:
                word = "softer" if self.gain > 0 else "louder"
                found.append(f"the stem is {abs(self.gain):.1f} dB {word} than in the mixture")
            if cancels:
                found = [f"{problem}: --align corrects it" for problem in found]
        if not cancels:
            found.append(f"the stem does not cancel: {depth:.1f} dB is left where it is loudest")
        ceiling = self.sdr["IRM1"]
        if ceiling < _CEILING:
            found.append(f"an ideal ratio mask reaches {ceiling:.1f} dB only")
        if self.sdr[EXTRACTED] < ceiling - _SHORTFALL:
            shortfall = ceiling - self.sdr[EXTRACTED]
            found.append(f"the mask found is {shortfall:.1f} dB below the ideal ratio mask")
        return found

    @property
    def fit(self) -> bool:
        """Whether the pair is fit for training."""
        return not self.problems

    def _delay(self, samples: float) -> str:
        samples = round(samples, 2) + 0.0
        return f"{samples:.2f} samples ({1000 * samples / SAMPLE_RATE:.2f} ms)"

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain values; infinite ones as `None`."""
        values = {
            **asdict(self),
            "sample_rate": SAMPLE_RATE,
            "delay_ms": 1000 * self.delay / SAMPLE_RATE,
            "null_given": self.null_given._asdict(),
            "null_aligned": self.null_aligned._asdict(),
            # A frame is centred on each border of windows.
            "fingerprint": [len(VIEWS), self.windows + 1, len(MEASURES)],
            "improvement": self.improvement,
            "fit": self.fit,
            "problems": self.problems,
        }
        return _plain(values)

    def table(self) -> str:
        """Returns lines to read."""
        sign = ", inverted" if self.inverted else ""
        given, aligned = self.null_given, self.null_aligned
        corrected = "corrected" if self.aligned else "as given"
        scores = ", ".join(f"{name} {value:.1f}" for name, value in self.sdr.items())
        rows = {
            "length": f"{self.seconds:.2f} s, {self.windows} windows of "
            f"{1000 * WINDOW / SAMPLE_RATE:.1f} ms",
            "delay": f"{self._delay(self.delay)}, {corrected}",
            "belongs": f"correlation {self.correlation:.3f}, prominence {self.prominence:.0f}",
            "level": f"{self.gain:+.2f} dB in the mixture{sign}",
            "null test": f"leaves {given.residual:.1f} dB, {given.depth:.1f} dB where the stem is "
            f"alone; aligned {aligned.residual:.1f} and {aligned.depth:.1f}",
            "SDR in dB": f"{scores} ({self.improvement:+.1f} against the mixture)",
            "verdict": "fit for training" if self.fit else "not fit for training",
        }
        lines = [f"{self.mixture} and {self.stem}"]
        lines += [f"  {name:<10} {text}" for name, text in rows.items()]
        return "\n".join(lines + [f"  {'':<10} - {problem}" for problem in self.problems])


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value
