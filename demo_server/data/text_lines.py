"""Text files, whose rows are their lines."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from demo_server.data.contents import BATCH_CHARACTERS, BATCH_ROWS, Contents, DataFile

SCHEMA = pa.schema([("text", pa.string())])


def read(files: list[DataFile]) -> Contents:
    """Return the lines of text files, without their ends, as column `text`; empty ones too."""
    return Contents(SCHEMA, batches(files), {file.name: file.count_lines() for file in files})


def batches(files: list[DataFile]) -> Iterator[tuple[DataFile, pa.RecordBatch]]:
    for file in files:
        rows: list[str] = []
        size = 0
        try:
            with file.open_text(newline=None) as lines:
                for line in lines:
                    rows.append(line.removesuffix("\n"))
                    size += len(line)
                    if len(rows) == BATCH_ROWS or size > BATCH_CHARACTERS:
                        yield file, pa.record_batch([pa.array(rows, pa.string())], schema=SCHEMA)
                        rows, size = [], 0
        except UnicodeDecodeError as error:
            raise file.first_line_not_utf8() from error
        yield file, pa.record_batch([pa.array(rows, pa.string())], schema=SCHEMA)
