"""Reads CSV from spreadsheets, and writes CSV."""

import csv
import io
from dataclasses import dataclass

from videos.text import with_line_feeds

DELIMITERS = ",;\t"
LARGEST_TABLE = 2 * 1024**2  # bytes
MAX_ROWS = 500
MAX_COLUMNS = 60
WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods and .numbers are ZIP archives; .xls
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class TableRefused(ValueError):
    """The text cannot be read as a table. `str(error)` is the sentence for the person."""


@dataclass(frozen=True)
class Table:
    """Column names as they were written, and rows of text; each row has at least one cell for each column."""

    columns: list[str]
    rows: list[list[str]]

    def to_csv(self) -> str:
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return file.getvalue()


def decode(data: bytes) -> str:
    """The text of a CSV file: UTF-8 or UTF-16, with or without a byte order mark. Raises TableRefused."""
    if data.startswith(WORKBOOK_MARKS):
        raise TableRefused(
            "This is a workbook, not CSV. In Excel or Numbers, save it as “CSV UTF-8” and upload that file."
        )
    if len(data) > LARGEST_TABLE:
        raise TableRefused(f"The table is larger than {LARGEST_TABLE // 1024**2} MB; split it into smaller ones.")
    try:
        return data.decode(encoding_of(data))
    except UnicodeDecodeError as error:
        raise TableRefused(
            "The file is not in UTF-8, so its letters cannot be read reliably. "
            "Save it as “CSV UTF-8” (or download it as CSV from Google Sheets) and upload it again."
        ) from error


def encoding_of(data: bytes) -> str:
    if data.startswith(UTF_16_MARKS):
        return "utf-16"
    start = data[:200]
    if len(start) > 1 and b"\0" in start:  # UTF-16 without its mark: every other byte of English words is 0
        return "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    return "utf-8-sig"


def read_table(text: str) -> Table:
    """Reads CSV with any usual separator. Rows without any text are left out.

    Raises TableRefused.
    """
    text = with_line_feeds(text.removeprefix("\ufeff"))
    if "\0" in text:
        raise TableRefused("The table contains a character that cannot be stored (NUL); remove it.")
    if not text.strip():
        raise TableRefused("The table is empty. Its first line names the columns; each further line is one row.")
    named, text = without_excels_first_line(text)
    lines = [line for line in split_cells(text, named or delimiter_of(text)) if any(cell.strip() for cell in line)]
    if not lines:
        raise TableRefused("The table is empty. Its first line names the columns; each further line is one row.")
    return make_table(lines)


def make_table(lines: list[list[str]]) -> Table:
    columns = [name.strip() for name in lines[0]]
    while columns and not columns[-1]:
        columns.pop()
    if len(columns) > MAX_COLUMNS:
        raise TableRefused(f"The table has {len(columns):,} columns; at most {MAX_COLUMNS} are read.")
    if len(lines) - 1 > MAX_ROWS:
        raise TableRefused(f"The table has {len(lines) - 1:,} rows; at most {MAX_ROWS} are read at once. Split it.")
    rows = [line + [""] * (len(columns) - len(line)) for line in lines[1:]]
    return Table(columns, [without_empty_end(row, len(columns)) for row in rows])


def without_empty_end(row: list[str], width: int) -> list[str]:
    """Drops empty cells beyond the last column. Cells with text stay, so that they are reported."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row


def without_excels_first_line(text: str) -> tuple[str, str]:
    """Excel may put "sep=;" before the first line. Returns that delimiter or "", and the rest."""
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and first[4:5] in DELIMITERS and len(first) == 5:
        return first[4], rest
    return "", text


def delimiter_of(text: str) -> str:
    """The separator of cells: the most frequent one in the first line, outside quotes."""
    first = text.lstrip("\n").partition("\n")[0]
    outside_quotes = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=outside_quotes.count)


def split_cells(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        raise TableRefused(
            f"The table cannot be read in line {reader.line_num}: a quotation mark is not closed, or more "
            'text follows it. A cell with quotation marks is written as "He said ""go""".'
        ) from error
