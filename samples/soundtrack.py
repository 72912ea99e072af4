"""The clip's sound, synthesised: wind over water and a few plucked notes."""

import numpy as np

Array = np.ndarray

SAMPLE_RATE = 48000

MELODY = [
    (0.15, 45),
    (0.15, 57),
    (0.65, 64),
    (1.15, 69),
    (1.65, 72),
    (2.15, 71),
    (2.15, 52),
    (2.75, 67),
    (3.15, 64),
]
"""(seconds, MIDI note): A minor pentatonic with one passing B."""


def soundtrack(seconds: float) -> Array:
    """Stereo sound, (2, samples) float32 in [-1, 1], faded at both ends."""
    samples = round(seconds * SAMPLE_RATE)
    notes = _echo(_melody(samples))
    air = np.stack([_wind(samples, seed) + _lapping(samples, seed + 10) for seed in (1, 2)])
    sound = 0.62 * notes + 0.5 * air
    return (0.7 * sound / np.abs(sound).max() * _fade(samples)).astype(np.float32)


def _melody(samples: int) -> Array:
    """Plucked strings, panned by pitch: (2, samples)."""
    sound = np.zeros((2, samples))
    for start_seconds, note in MELODY:
        start = round(start_seconds * SAMPLE_RATE)
        string = _pluck(440 * 2 ** ((note - 69) / 12), samples - start, seed=note)
        pan = np.clip((note - 45) / 30, 0, 1)
        sound[:, start:] += string * np.array([[1 - 0.6 * pan], [0.4 + 0.6 * pan]])
    return sound


def _pluck(pitch_hz: float, samples: int, seed: int) -> Array:
    """Karplus-Strong string: a burst of noise that softens on every turn round a delay line."""
    period = round(SAMPLE_RATE / pitch_hz)
    turn = np.random.default_rng(seed).uniform(-1, 1, period)
    turn = np.convolve(np.concatenate([turn, turn]), np.ones(6) / 6, "same")[
        period // 2 : period // 2 + period
    ]
    turns = []
    for _ in range(-(-samples // period)):
        turns.append(turn)
        turn = 0.997 * (0.5 * turn + 0.5 * np.roll(turn, 1))
    return np.concatenate(turns)[:samples]


def _echo(sound: Array) -> Array:
    """A soft room: a few delayed copies that swap sides."""
    wet = sound.copy()
    for delay_seconds, gain in [(0.083, 0.30), (0.149, 0.22), (0.271, 0.15), (0.419, 0.09)]:
        delay = round(delay_seconds * SAMPLE_RATE)
        wet[:, delay:] += gain * sound[::-1, :-delay]
    return wet


def _wind(samples: int, seed: int) -> Array:
    gusts = 0.6 + 0.4 * np.sin(2 * np.pi * np.arange(samples) / SAMPLE_RATE / 3.1 + seed)
    return 0.22 * gusts * _coloured_noise(samples, 380, 520, seed)


def _lapping(samples: int, seed: int) -> Array:
    seconds = np.arange(samples) / SAMPLE_RATE
    swell = np.clip(np.sin(2 * np.pi * seconds / 1.37 + seed), 0, 1) ** 3
    return 0.10 * swell * _coloured_noise(samples, 1400, 1100, seed)


def _coloured_noise(samples: int, centre_hz: float, width_hz: float, seed: int) -> Array:
    """White noise through a bell-shaped band, peak about 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    noise = np.fft.irfft(spectrum * np.exp(-(((hz - centre_hz) / width_hz) ** 2)), samples)
    return noise / np.abs(noise).max()


def _fade(samples: int) -> Array:
    seconds = np.arange(samples) / SAMPLE_RATE
    return np.clip(seconds / 0.08, 0, 1) * np.clip((seconds[-1] - seconds) / 0.5, 0, 1)
