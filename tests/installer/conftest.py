from __future__ import annotations

import subprocess

import pytest


@pytest.fixture
def start():
    """Start programs that say 'ready' and end with the test."""
    started = []

    def start(*argv, **options):
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        started.append(process)
        assert process.stdout.readline().strip() == b"ready"
        return process.pid

    yield start
    for process in started:
        process.communicate()
