"""Pictures in, pictures out: the only room that knows containers, codecs and colour tags."""

from vidgan.media.clip import Clip, ClipInfo, StreamSummary
from vidgan.media.codecs import CODECS, Codec, codec_for
from vidgan.media.colour import Colour
from vidgan.media.encode import PictureWriter, Writer, check_encoder, picture_writer
from vidgan.media.frame import Frame
from vidgan.media.muxing import mux
from vidgan.media.opening import open_clip
from vidgan.media.output import check_output
from vidgan.media.picture import read_alpha, read_picture, write_picture
from vidgan.media.probing import probe
from vidgan.media.verifying import Check, checks_as_json, compare, lost

__all__ = [
    "CODECS",
    "Check",
    "Clip",
    "ClipInfo",
    "Codec",
    "Colour",
    "Frame",
    "PictureWriter",
    "StreamSummary",
    "Writer",
    "check_encoder",
    "check_output",
    "checks_as_json",
    "codec_for",
    "compare",
    "lost",
    "mux",
    "open_clip",
    "picture_writer",
    "probe",
    "read_alpha",
    "read_picture",
    "write_picture",
]
