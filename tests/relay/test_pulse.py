"""Signs of life, without a connection."""

from __future__ import annotations

import asyncio
import socket

from collabkit.relay.pulse import Pulse


class Line(asyncio.Transport):
    """A transport over a socket that nobody reads."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": sock})


def test_silence_is_counted_in_rounds() -> None:
    """A frame, or fewer bytes that wait, are life; the same number of bytes is not."""
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as sock:
        line, pulse = Line(sock), Pulse(round_s=0)
        assert [pulse.silent(0, line) for _ in range(3)] == [0, 1, 2]
        pulse.heard = True
        waiting = (100, 90, 90, 10, 0, 0)
        assert [pulse.silent(each, line) for each in waiting] == [0, 0, 1, 0, 1, 2]


def test_who_is_in_the_middle_of_a_frame_is_no_further_than_pinged() -> None:
    """As long as bytes come the silence does not grow beyond the round that brings a ping."""
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as sock:
        other, _ = listener.accept()
        with other:
            other.sendall(b"\x82")
            sock.recv(1)
            line, pulse = Line(sock), Pulse(round_s=1000)
            assert [pulse.silent(0, line) for _ in range(4)] == [0, 1, 1, 1]
