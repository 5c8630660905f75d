"""What is almost right: bytes that were, before some of them were lost, doubled or changed.

Knows bytes and lines. Must not know what they say.
"""

from hypothesis import strategies as st

_PIECES = [b'"', b"[", b"]", b"{", b"}", b",", b"0", b"\x00", b"\xff", b"\\u0000", b"- ", b": "]


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """One place of it is something else."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 200)))
    put = draw(st.binary(max_size=4) | st.sampled_from(_PIECES))
    return whole[:start] + put + whole[end:]


@st.composite
def shuffled(draw: st.DrawFn, whole: bytes) -> bytes:
    """Some of its lines are at other places, or indented otherwise, or twice, or not there."""
    lines = whole.splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 4))):
        taken = lines.pop(draw(st.integers(0, len(lines) - 1)))
        for _ in range(draw(st.integers(0, 2))):
            moved = draw(st.sampled_from([taken, b"  " + taken, taken.lstrip(), taken]))
            lines.insert(draw(st.integers(0, len(lines))), moved)
        if not lines:
            break
    return b"".join(lines)
