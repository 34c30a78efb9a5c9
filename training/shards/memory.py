"""How many records a pool may hold."""

from dataclasses import dataclass

from training.shards.reader import Shards
from zoo.errors import InputError

# Files that are read in turn, and what one holds while it is open.
OPEN_FILES = 16
_FILE_BYTES = 1 << 20
# What the graph takes to run, remixing included: its functions, and buffers of its threads.
_RUNNING_BYTES = 64 << 20
# While a pool is in use, the records of the next are gathered, and then copied side by side.
_POOLS = 3
# A record as it is read, parsed and decoded.
_RECORD_COPIES = 3
_FEWEST_RECORDS = 4


@dataclass(frozen=True)
class Budget:
    """What the parts of reading hold in memory at most, in bytes.

    Args:
        record: one record, filled up to the longest.
        records: of a pool.
        examples: batches that are made and wait.
        files: what open files hold.
    """

    record: int
    records: int
    examples: int
    files: int

    @property
    def total(self) -> int:
        """All of it."""
        records = self.record * (_POOLS * self.records + _RECORD_COPIES)
        return records + self.examples + self.files + _RUNNING_BYTES


def budget(shards: Shards, *, files: int, chunks: int, record: int, examples: int) -> Budget:
    """How many records a pool may have, all of them where they fit.

    Args:
        shards: with the limit.
        files: that are read.
        chunks: in them.
        record: bytes of the longest.
        examples: bytes of the batches that wait.

    Raises:
        InputError: if not even a small pool fits.
    """
    opened = min(files, OPEN_FILES) * _FILE_BYTES
    fixed = Budget(record, 0, examples, opened).total
    records = (shards.cache_memory - fixed) // (_POOLS * record)
    if records < min(_FEWEST_RECORDS, chunks):
        least = fixed + min(_FEWEST_RECORDS, chunks) * _POOLS * record
        raise InputError(
            f"{shards.folder}: cache_memory={shards.cache_memory / 1e6:.0f}MB is too little for "
            f"records of {record / 1e6:.1f} MB; give {least / 1e6 + 1:.0f}MB, or preprocess with "
            "fewer chunk seconds"
        )
    return Budget(record, min(records, chunks), examples, opened)
