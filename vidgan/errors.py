"""The exception tree. Each message is one line: what happened, what was expected, what to do next."""


class VidganError(Exception):
    """Something in the world (a file, a device, a recipe) is not as the job needs it."""

    exit_code = 1


class UsageError(VidganError):
    """The command or call was put together wrongly; nothing was tried."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe, a recipe's key or its value is unknown or out of range."""


class MediaError(VidganError):
    """A clip, picture or folder of pictures cannot be read as what it should be."""


class TruncatedError(MediaError):
    """A clip holds fewer frames than it says."""


class OutputError(VidganError):
    """The output cannot be written where, or as, it was asked for."""


class OtherWorkError(OutputError):
    """The work folder of an output holds what was begun from something else."""


class VerificationError(VidganError):
    """A result was written and does not keep what it should of its clip."""


class DeviceError(VidganError):
    """A device was asked for that this machine does not have."""


class MemoryShortageError(VidganError):
    """The machine or the device has too little memory for what was asked."""


class Interrupted(VidganError):
    """The user stopped the work; the message says what was kept, and how to go on."""

    exit_code = 130


class LookError(VidganError):
    """A file is not a trained look that this version can use."""
