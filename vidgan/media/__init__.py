"""Pictures in, pictures out: the only room that knows containers, codecs and colour tags."""

from vidgan.media.clip import Clip, ClipInfo, StreamSummary
from vidgan.media.codecs import CODECS, DEFAULT_CRF, Codec, codec_for
from vidgan.media.colour import Colour
from vidgan.media.encode import PictureWriter
from vidgan.media.frame import Frame
from vidgan.media.muxing import mux
from vidgan.media.opening import open_clip
from vidgan.media.output import check_output
from vidgan.media.picture import read_alpha, read_picture, write_picture
from vidgan.media.probing import probe

__all__ = [
    "CODECS",
    "DEFAULT_CRF",
    "Clip",
    "ClipInfo",
    "Codec",
    "Colour",
    "Frame",
    "PictureWriter",
    "StreamSummary",
    "check_output",
    "codec_for",
    "mux",
    "open_clip",
    "probe",
    "read_alpha",
    "read_picture",
    "write_picture",
]
