"""Does a result keep what its clip has: asked for by an editor, and by every render of itself."""

from pathlib import Path

from vidgan.errors import VerificationError
from vidgan.jobs.options import Options, Progress, Verified, Watch
from vidgan.jobs.source import chosen_span
from vidgan.media import Check, Clip, compare, lost, open_clip


def verify(clip: str | Path, out: str | Path, *, options: Options | None = None) -> list[Check]:
    """Compare a result with its clip: frames, every time, sound, tags, shape, depth.

    options: its stream, start, end, rate and allow_truncated, as the result was rendered with. Raises
    VidganError where either cannot be read.
    """
    options = options or Options()
    source = open_clip(
        clip, stream=options.stream, allow_truncated=options.allow_truncated, rate=options.rate
    )
    return compare(source, out, chosen_span(source, options))


def require_verified(clip: Clip, out: Path, span: range, watch: Watch) -> Verified:
    """Verify a result just written. Raises VerificationError, which names what is lost; the result stays."""
    watch.progress(Progress("verify", 0.0))
    checks = compare(clip, out, span)
    watch.progress(Progress("verify", 1.0))
    if lost(checks):
        raise VerificationError(
            f"{out} is written, but does not keep the clip's {', '.join(lost(checks))}: "
            f"vidgan verify {clip.path} {out} shows how."
        )
    kept = [check for check in checks if check.kept]
    return Verified(len(kept), tuple(check.name for check in checks if not check.kept))
