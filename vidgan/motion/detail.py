"""Detail given back: averaging blurs, so the high band is raised to what it was."""

from torch import Tensor

from vidgan.resample import blur

# The band that averaging takes away, and the neighbourhood that its energy is compared in; in pixels.
_BAND_SIGMA = 0.8
_ENERGY_SIGMA = 3.0
# A quarter of an 8-bit level: below it a band is rounding, not detail.
_ENERGY_FLOOR = (0.25 / 127.5) ** 2
_LARGEST_GAIN = 4.0


def restore_detail(mean: Tensor, centre: Tensor, amount: float) -> Tensor:
    """Raise the high band of mean until the result has the local detail of centre.

    mean, centre: (1, 3, H, W). amount: 0 leaves mean alone, 1 restores all. A gain on what the mean
    still has, rather than the centre's own band back, so that what is steady stays steady.
    """
    if amount == 0:
        return mean
    low = blur(mean, _BAND_SIGMA)
    band = mean - low
    gain = _gain(luminance(low), luminance(band), luminance(centre))
    return low.addcmul_(band, 1 + amount * (gain - 1))


def luminance(x: Tensor) -> Tensor:
    """(B, 3, H, W) to (B, 1, H, W), weighted as ITU-R BT.601."""
    return 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]


def _gain(low: Tensor, band: Tensor, centre: Tensor) -> Tensor:
    """g >= 1, (1, 1, H, W), with which low + g band has, locally, the high band's energy of centre.

    A blur is no projection: low has some of the band, and the band of the band is less than it. With
    p and q for the high bands of low and band, E|p + g q|^2 = E|c|^2 is a quadratic in g.
    """
    p, q, wanted = _high(low), _high(band), _high(centre)
    pp, pq, qq = _local_mean(p * p), _local_mean(p * q), _local_mean(q * q)
    # Where the mean has more than the centre, it stays: the root is 1.
    missing = (_local_mean(wanted * wanted) - (pp + 2 * pq + qq)).clamp_(min=0)
    total = pq + qq
    root = (total * total + qq * missing).sqrt_()
    return (1 + (root - total) / (qq + _ENERGY_FLOOR)).clamp_(1, _LARGEST_GAIN)


def _high(x: Tensor) -> Tensor:
    return x - blur(x, _BAND_SIGMA)


def _local_mean(x: Tensor) -> Tensor:
    return blur(x, _ENERGY_SIGMA)
