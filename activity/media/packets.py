"""The packets of a clip, in one clock that never jumps."""

import errno
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream

from activity.common.errors import UserError

# FFmpeg's own limits, in seconds: what is further from where it should be, or further back, is
# another clock, as where a broadcast or a recording goes on after a break.
_LONGEST_GAP = 10
_LONGEST_STEP_BACK = Fraction(1, 10)

# A disk or a network that fails. Where a file is damaged or ends, FFmpeg says something else.
_CANNOT_BE_READ = {
    *(errno.EACCES, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EIO, errno.ENODEV, errno.ENOTCONN),
    *(errno.ENXIO, errno.ESTALE, errno.ETIMEDOUT),
}


class Extent:
    """How far the packets of a clip go.

    Attributes:
        latest: when the last of its frames starts, in seconds; None before the first packet.
        end: when the last of its frames ceases to be shown, in seconds. It is not later than
            ``latest`` where the clip does not say.
    """

    def __init__(self, container: InputContainer) -> None:
        self.latest: Fraction | None = None
        # Elsewhere a packet says how long its frame is shown; here, when the next one is decoded,
        # and the last packet, how long the last frame is shown, whichever that is.
        self._in_order_of_decoding = "mov" in container.format.name
        self.end = Fraction(0)

    def add(self, packet: "Packet[Stream]") -> None:
        """Take in a packet; those that are decoded but not shown do not count."""
        if packet.pts is None:
            return
        pts = packet.pts * packet.time_base
        duration = (packet.duration or 0) * packet.time_base
        if packet.is_discard:
            return
        if self.latest is None or pts > self.latest:
            self.latest = pts
        elif not self._in_order_of_decoding:
            return
        self.end = self.latest + duration


class _Place(NamedTuple):
    """Where a stream is, and where its next packet should be, in seconds."""

    now: Fraction
    next: Fraction


def packets_of(container: InputContainer, wanted: Stream) -> Iterator["Packet[Stream]"]:
    """Yield a stream's packets up to where the file ends or is damaged beyond reading.

    The times of formats whose clock may jump (transport and program streams) go on as if it did
    not, by the same amount in all streams, so that sound and picture stay in step: the packets' own
    times are changed.

    Args:
        container: an open file; reading goes on from where it is.
        wanted: one of its streams.

    Raises:
        UserError: the disk or the network that the file lies on fails.
    """
    jumps = Flags.ts_discont in Flags(container.format.flags)
    watched = [
        stream
        for stream in container.streams
        if stream is wanted or (jumps and stream.type in ("audio", "video"))
    ]
    for packet in packets_of_all(container, watched):
        if packet.stream is wanted:
            yield packet


def packets_of_all(container: InputContainer, wanted: list[Stream]) -> Iterator["Packet[Stream]"]:
    """Yield the packets of several streams as ``packets_of`` does, in the order of the file."""
    packets = _readable(container, wanted)
    jumps = Flags.ts_discont in Flags(container.format.flags)
    yield from _without_jumps(packets) if jumps else packets


def _readable(container: InputContainer, streams: list[Stream]) -> Iterator["Packet[Stream]"]:
    packets = container.demux(*streams)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            if error.errno in _CANNOT_BE_READ:
                raise UserError(f"cannot read {container.name}: {error.strerror}") from error
            return
        if packet is None:
            return
        if packet.size:  # at the end there is an empty one of each stream
            yield packet


def _without_jumps(packets: Iterator["Packet[Stream]"]) -> Iterator["Packet[Stream]"]:
    places: dict[int, _Place] = {}
    offset = Fraction(0)
    last: Fraction | None = None
    for packet in packets:
        if packet.dts is not None:
            tick = packet.time_base
            now = packet.dts * tick + offset
            place = places.get(packet.stream_index)
            jump = _jump(now, place, last)
            offset -= jump
            last = now - jump
            places[packet.stream_index] = _Place(last, last + (packet.duration or 0) * tick)
            ticks = round(offset / tick)
            packet.dts += ticks
            if packet.pts is not None:
                packet.pts += ticks
        yield packet


def _jump(now: Fraction, place: _Place | None, last: Fraction | None) -> Fraction:
    """Return by how many seconds the clock has jumped; 0 where it has not."""
    if place is not None:
        jump = now - place.next
        back = place.now - now
        return jump if abs(jump) > _LONGEST_GAP or back > _LONGEST_STEP_BACK else Fraction(0)
    # The first packet of its stream: it should be near those of the others.
    jump = now - last if last is not None else Fraction(0)
    return jump if abs(jump) > _LONGEST_GAP else Fraction(0)
