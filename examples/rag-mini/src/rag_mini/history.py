"""Runs that were made: a SQLite table, and one CSV export for each run."""

import csv
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

TABLE = """CREATE TABLE IF NOT EXISTS evaluations (
    id INTEGER PRIMARY KEY, made TEXT NOT NULL, dataset TEXT NOT NULL,
    k INTEGER NOT NULL, hit_at_k REAL NOT NULL, mrr REAL NOT NULL)"""


def save(file, result):
    """Store a run and return its number."""
    file.parent.mkdir(parents=True, exist_ok=True)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(TABLE)
        row = (made, result.dataset, result.k, result.hit_at_k, result.mrr)
        insert = "INSERT INTO evaluations (made, dataset, k, hit_at_k, mrr) VALUES (?, ?, ?, ?, ?)"
        return database.execute(insert, row).lastrowid


def runs(file):
    """Return the stored runs, oldest first, as (id, made, dataset, k, hit_at_k, mrr)."""
    if not file.is_file():
        return []
    with closing(sqlite3.connect(file)) as database:
        database.execute(TABLE)
        return database.execute("SELECT id, made, dataset, k, hit_at_k, mrr FROM evaluations ORDER BY id").fetchall()


def export(folder, number, dataset, result):
    """Write the ranks of one run as CSV and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"evaluation-{number}.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("question", "answer", "rank"))
        for question, rank in zip(dataset.questions, result.ranks, strict=True):
            writer.writerow((question.text, question.answer, rank))
    return file
