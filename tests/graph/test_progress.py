"""The bar of long commands."""

import io

import pytest

from graph.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("done", "total", "seconds", "line"),
    [
        (50, 200, 10, "copying [######..................]  25% 50/200 rows 5/s 0:30 left"),
        (200, 200, 10, "copying [########################] 100% 200/200 rows 20/s"),
        (0, 0, 10, "copying [########################] 100% 0/0 rows 0/s"),
        (
            10,
            1_000_000,
            1,
            "copying [........................]   0% 10/1,000,000 rows 10/s 27 h 46 min left",
        ),
        (50, None, 10, "copying 50 rows 5/s"),
    ],
)
def test_it_tells_how_far_how_fast_and_how_long(done, total, seconds, line):
    clock = Clock()
    progress = Progress("copying", total, "rows", out=Terminal(), clock=clock)
    clock.now = seconds
    progress.advance(done)

    assert progress.line() == line


def test_what_was_done_before_counts_for_the_share_and_not_for_the_rate():
    clock = Clock()
    progress = Progress("copying", 100, "rows", done=50, out=Terminal(), clock=clock)
    clock.now = 5
    progress.advance(25)

    assert progress.line().endswith("75% 75/100 rows 5/s 0:05 left")


def test_a_terminal_gets_one_line_and_a_file_a_line_now_and_then():
    for out, begin, end in ((Terminal(), "\r", "\n"), (io.StringIO(), "", "\n")):
        clock = Clock()
        with Progress("copying", 2, "rows", out=out, clock=clock) as progress:
            progress.advance(1)
            clock.now = 1
            progress.advance(1)
        text = out.getvalue()
        assert text.startswith(f"{begin}copying")
        assert text.endswith(end)
        assert text.count("copying") == (2 if begin else 1)
