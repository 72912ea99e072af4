"""Interlaced video: found, and made into whole frames, one for every two fields."""

from collections.abc import Iterator
from fractions import Fraction

from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_ORDERS = {2: "top", 3: "bottom", 4: "top", 5: "bottom"}  # AVFieldOrder: TT, BB, TB, BT


def field_order(stream: VideoStream, frame: VideoFrame) -> str:
    """Which field comes first, "top" or "bottom", or "unknown"; "" for whole frames."""
    told = _ORDERS.get(int(stream.codec_context.field_order), "")
    return told or ("unknown" if frame.interlaced_frame else "")


def deinterlaced(frames: Iterator[VideoFrame], order: str) -> Iterator[VideoFrame]:
    """Every frame without its comb, by bwdif, which looks at the frame before and behind as well."""
    graph: Graph | None = None
    for frame in frames:
        graph = graph or _graph(frame, order)
        graph.vpush(frame)
        yield from _ready(graph)
    if graph is not None:
        graph.vpush(None)
        yield from _ready(graph)


def _graph(frame: VideoFrame, order: str) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 1000),
    )
    # A frame that says its order itself is believed; parity is for those that do not.
    parity = "auto" if frame.interlaced_frame else {"bottom": "bff"}.get(order, "tff")
    filtered = graph.add("bwdif", f"mode=send_frame:parity={parity}:deint=all")
    graph.link_nodes(source, filtered, graph.add("buffersink")).configure()
    return graph


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (BlockingIOError, EOFError):
            return
