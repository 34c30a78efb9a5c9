"""All checks of one song, each of its files decoded once, side by side, in blocks."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from training.data_check.comparison import LOSSY_TOLERANCE, RELATED, TOLERANCE, Comparison
from training.data_check.finding import ERROR, WARNING, Finding, shown
from training.data_check.measures import FileFacts, Measures
from training.data_check.unit import Rendered, Unit
from training.decode import MIXTURE, MIXTURE_TOLERANCE
from training.loaders.combined_source import Silence, SumSource
from training.loaders.file_source import FileSource
from training.loaders.song_files import SongFiles

# -40 dB of full scale.
OFFSET = 0.01


class SongReport(NamedTuple):
    """What was found in a song, its files as far as they could be decoded, and what its stems
    leave of its mixture, in dB (`None` where that cannot be told)."""

    facts: list[FileFacts]
    findings: list[Finding]
    residual: float | None


class _Member(NamedTuple):
    """The mixture or a stem: so many units, of which one channel is taken or all."""

    units: list[Unit]
    channels: list[int | None]

    def block(self, blocks: dict[Unit, np.ndarray]) -> np.ndarray | None:
        """Its sum in this block, or `None` where all units have ended."""
        parts = [
            blocks[unit] if channel is None else blocks[unit][:, channel : channel + 1]
            for unit, channel in zip(self.units, self.channels, strict=True)
            if unit in blocks
        ]
        if not parts:
            return None
        total = np.zeros((max(map(len, parts)), max(p.shape[1] for p in parts)), "float32")
        for part in parts:
            total[: len(part)] += part
        return total


class _SongCheck:
    def __init__(self, song: SongFiles):
        self.song = song
        self.findings: list[Finding] = []
        self._units: dict[FileSource | Rendered, Unit] = {}
        self.roles: dict[Unit, list[str]] = {}
        given = {} if song.mixture is None else {MIXTURE: song.mixture}
        self.members = {
            role: self._member(role, source) for role, source in {**given, **song.stems}.items()
        }
        self.units = list(self.roles)
        self.measures = {unit: Measures() for unit in self.units}

    def _member(self, role: str, source) -> _Member:
        files = list(source.parts) if isinstance(source, SumSource) else [source]
        units, channels = [], []
        for file in files:
            if isinstance(file, Silence):
                continue
            channels.append(getattr(file, "channel", None))
            # Both channels of a file are two stems of iKala: it is decoded once.
            key = file if isinstance(file, Rendered) else replace(file, channel=None)
            unit = self._units.setdefault(key, Unit(key))
            self.roles.setdefault(unit, []).append(role)
            units.append(unit)
        return _Member(units, channels)

    def note(self, where: object, check: str, severity: str, message: str) -> None:
        self.findings.append(Finding(shown(where), check, severity, message, self.song.name))

    def run(self) -> SongReport:
        comparison = None
        for number, blocks in enumerate(self._blocks()):
            if number == 0 and self._comparable():
                comparison = Comparison(self.song.stems)
            for unit, block in blocks.items():
                self.measures[unit].add(block)
            if comparison is not None:
                self._compare(comparison, blocks)
        for unit in self.units:
            if unit.problem is not None:
                self.note(unit.where, "unreadable", ERROR, unit.problem)
        whole = [unit for unit in self.units if unit.problem is None]
        facts = {unit: self._facts(unit) for unit in whole}
        for unit, file in facts.items():
            self._check_file(unit, file)
        residual = None
        if len(whole) == len(self.units) and whole:
            self._check_form(facts)
            if comparison is not None:
                residual = comparison.residual
                self._check_sum(comparison)
        return SongReport(list(facts.values()), self.findings, residual)

    def _blocks(self) -> Iterator[dict[Unit, np.ndarray]]:
        try:
            while True:
                blocks = {unit: unit.next() for unit in self.units}
                blocks = {unit: block for unit, block in blocks.items() if block is not None}
                if not blocks:
                    return
                yield blocks
        finally:
            for unit in self.units:
                unit.close()

    def _comparable(self) -> bool:
        if MIXTURE not in self.members or any(unit.problem for unit in self.units):
            return False
        channels = {unit.channels for unit in self.units} - {1}
        return len({unit.sample_rate for unit in self.units}) == 1 and len(channels) <= 1

    def _compare(self, comparison: Comparison, blocks: dict[Unit, np.ndarray]) -> None:
        parts = {role: member.block(blocks) for role, member in self.members.items()}
        silence = np.zeros((1, 1), "float32")
        parts = {role: silence if part is None else part for role, part in parts.items()}
        comparison.add(parts.pop(MIXTURE), parts)

    def _facts(self, unit: Unit) -> FileFacts:
        return self.measures[unit].facts(
            where=unit.where,
            song=self.song.name,
            roles=tuple(self.roles[unit]),
            split=self.song.split,
            lossy=unit.lossy,
            sample_rate=unit.sample_rate,
        )

    def _check_file(self, unit: Unit, file: FileFacts) -> None:
        if file.silent:
            self.note(unit.where, "silence", WARNING, "is silent: no sample is above -80 dB")
        if file.clipped:
            tops = "top" if file.clipped == 1 else "tops"
            message = f"is clipped: {file.clipped} flat {tops} at full scale"
            self.note(unit.where, "clipping", WARNING, message)
        if file.peak > 1 and not file.lossy:
            level = 20 * np.log10(file.peak)
            self.note(unit.where, "clipping", WARNING, f"exceeds full scale by {level:.1f} dB")
        # The mean of a short file is seldom 0.
        if abs(file.offset) > max(OFFSET, 10 * file.level / np.sqrt(file.samples)):
            message = f"has a DC offset of {file.offset:+.3f} of full scale"
            self.note(unit.where, "offset", WARNING, message)
        needed = [
            channel
            for member in self.members.values()
            for other, channel in zip(member.units, member.channels, strict=True)
            if other is unit and channel is not None and channel >= file.channels
        ]
        if needed:
            message = f"has {file.channels} channel(s), and {max(needed) + 1} are needed"
            self.note(unit.where, "channels", ERROR, message)

    def _check_form(self, facts: dict[Unit, FileFacts]) -> None:
        """Rates, channels and lengths of the song's files against each other."""
        rates = {file.where: file.sample_rate for file in facts.values()}
        if len(set(rates.values())) > 1:
            self._differ("rate", ERROR, "sample rate", rates)
            return
        channels = {file.where: file.channels for file in facts.values()}
        if len(set(channels.values())) > 1:
            self._differ("channels", WARNING, "number of channels", channels)
        lengths = {file.where: file.samples for file in facts.values()}
        stems = {file.samples for file in facts.values() if file.roles != (MIXTURE,)}
        if len(stems) > 1:
            self._differ("length", ERROR, "length, in samples", lengths)
            return
        for file in facts.values():
            surplus = file.samples - next(iter(stems), file.samples)
            severe = abs(surplus) > MIXTURE_TOLERANCE * file.sample_rate
            if file.roles != (MIXTURE,) or not surplus or (file.lossy and not severe):
                continue
            message = f"has {surplus:+d} samples against its stems"
            self.note(file.where, "length", ERROR if severe else WARNING, message)

    def _differ(self, check: str, severity: str, what: str, values: dict[str, int]) -> None:
        counted = list(values.values())
        usual = max(counted, key=counted.count)
        others = {where: value for where, value in values.items() if value != usual}
        for where, value in others.items():
            self.note(where, check, severity, f"{what} {value}; other files of the song: {usual}")

    def _check_sum(self, comparison: Comparison) -> None:
        residual = comparison.residual
        if residual is None or residual <= TOLERANCE:
            return
        (mixture,) = {unit.where for unit in self.members[MIXTURE].units}
        delay = comparison.mixture_delay()
        if delay is None:
            return
        if abs(delay.correlation) < RELATED:
            self.note(
                mixture,
                "mixture",
                ERROR,
                f"is not the mixture of its stems: correlation {delay.correlation:.2f} with their "
                "sum at any delay",
            )
        elif delay.is_clear:
            self._note_delay(mixture, delay.samples, "the sum of its stems")
        elif delay.correlation < 0:
            self.note(mixture, "polarity", ERROR, "has the opposite polarity of its stems")
        elif not self._check_stem_delays(comparison):
            lossy = any(unit.lossy for unit in self.units)
            tolerance = LOSSY_TOLERANCE if lossy else TOLERANCE
            if residual > tolerance:
                self.note(
                    mixture,
                    "sum",
                    WARNING,
                    f"differs from the sum of its stems by {residual:.1f} dB of itself (tolerance "
                    f"{tolerance:g} dB); its level is {comparison.gain():+.1f} dB of the sum's",
                )

    def _check_stem_delays(self, comparison: Comparison) -> bool:
        late = {
            stem: delay.samples
            for stem, delay in comparison.stem_delays().items()
            if delay.is_clear and abs(delay.correlation) >= RELATED
        }
        for stem, samples in late.items():
            for unit in self.members[stem].units:
                self._note_delay(unit.where, -samples, "its part of the mixture")
        return bool(late)

    def _note_delay(self, where: str, samples: int, what: str) -> None:
        word = "later" if samples > 0 else "earlier"
        message = f"is {abs(samples)} samples {word} than {what}"
        self.note(where, "misalignment", ERROR, message)


def check_song(song: SongFiles) -> SongReport:
    """Decodes a song's files, in memory that does not grow with their length; never raises."""
    try:
        return _SongCheck(song).run()
    except Exception as error:  # One song's surprise must not end the check of the others.
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        finding = Finding(
            shown(song.where), "check", ERROR, f"ended the check: {reason}", song.name
        )
        return SongReport([], [finding], None)
