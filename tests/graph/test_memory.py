"""Memory that large answers took goes back to the system."""

import platform

import pytest

from graph import memory


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked for it")
def test_what_lies_idle_is_given_back():
    blocks = [bytes(100_000) for _ in range(1000)]
    held = blocks[::97]  # so that not all is at the top of the heap
    del blocks
    before = resident()

    assert memory.give_back()
    assert before - resident() > 60_000_000
    assert len(held) == 11
