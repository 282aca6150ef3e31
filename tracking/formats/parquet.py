"""Parquet: the CSV's table with types, compressed; needs pyarrow (`pip install posse[formats]`)."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from pose.reading import reading
from pose.writing import partial_name, put_in_place, writing
from tracking.clip_info import ClipInfo
from tracking.files import Tracks, TracksFileError
from tracking.formats.table import columns_of, rows_of, tracks_of
from tracking.tracks import FrameResult

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise TracksFileError(
        "Parquet needs pyarrow: pip install 'posse[formats]', or choose --format csv"
    ) from error

ROWS_AT_ONCE = 5000  # the size of a row group, which is held in memory
INFO_KEY = b"posse"


class Writer:
    """See TracksWriter."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        exact = {"frame": pa.int64(), "id": pa.int64(), "time_s": pa.float64()}
        names = columns_of(info.skeleton.names)
        fields = [pa.field(name, exact.get(name, pa.float32())) for name in names]
        described = {INFO_KEY: json.dumps(info.to_json()).encode()}
        self._schema = pa.schema(fields, metadata=described)
        self._path, self._partial = path, partial_name(path)
        self._rows: list[list[float]] = []
        self._closed = False
        with writing(path, TracksFileError):
            # Opened here: pyarrow takes only names that are UTF-8
            self._file = self._partial.open("wb")
            self._writer = pq.ParquetWriter(self._file, self._schema)

    def put(self, result: FrameResult) -> None:
        """Add a frame."""
        self._rows.extend(rows_of(result))
        if len(self._rows) >= ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Complete the file."""
        if self._closed:
            return
        self._flush()
        with writing(self._path, TracksFileError):
            self._writer.close()
            self._file.close()
            put_in_place(self._partial, self._path)
        self._closed = True

    def abort(self) -> None:
        """Leave nothing behind."""
        if self._closed:
            return
        self._closed = True
        for part in (self._writer, self._file):
            with contextlib.suppress(OSError):
                part.close()
        self._partial.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = [
            pa.array(values, type=field.type)
            for values, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        with writing(self._path, TracksFileError):
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._rows = []


def read(path: Path) -> Tracks:
    """Read the table; the ClipInfo is in the file itself."""
    try:
        with path.open("rb") as file:
            table = pq.read_table(file)
    except pa.ArrowException as error:
        raise TracksFileError(f"{path}: not a whole Parquet file") from error
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    tracks = tracks_of(path, table.column_names, rows)
    described = (table.schema.metadata or {}).get(INFO_KEY)
    with reading(f"{path}: what it says of its clip", TracksFileError):
        info = ClipInfo.from_json(json.loads(described)) if described else tracks.info
    return Tracks(info, tracks.frames)
