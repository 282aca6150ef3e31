"""Sources opened together, to be shown one after the other."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A source of a playlist. An empty playlist has none."""

    playlist: tuple[str, ...] = ()
    place: int = 0
    by: int = 1  # where to go on if it cannot be shown: 1 to the next, -1 to the one before

    @property
    def spec(self) -> str:
        """The source itself."""
        return self.playlist[self.place]

    def moved(self, by: int) -> Entry | None:
        """The entry `by` places on; None beyond the ends of the playlist."""
        place = self.place + by
        return Entry(self.playlist, place, by) if 0 <= place < len(self.playlist) else None
