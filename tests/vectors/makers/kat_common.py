# SPDX-License-Identifier: Apache-2.0
"""What the makers of vectors share: headers that name their origin, and inputs near every edge."""
import datetime
import importlib.metadata
import random
import struct

import numpy as np

LICENCE = "# SPDX-License-Identifier: Apache-2.0"


def origin(maker, tools, lines):
    """The comment block on top of a vector file."""
    versions = ", ".join(f"{tool.__name__} {importlib.metadata.version(tool.__name__)}" for tool in tools)
    head = [LICENCE, f"# Made on {datetime.date.today()} with {versions} by",
            f"#   python3 tests/vectors/makers/{maker}"]
    return "\n".join(head + [f"# {line}" for line in lines])


def bits(x):
    """The binary32 code of x."""
    return struct.unpack("<I", struct.pack("<f", x))[0]


def float_of(code):
    return np.array([code], dtype=np.uint32).view(np.float32)[0]


def float32_edges(magnitudes, seed, dense):
    """binary32 codes around the values of a format, given its finite magnitudes in binary32.

    The values, the midpoints between them, the place of the next value beyond the largest, each
    with its two neighbours in binary32 (`dense`: around every value, else around some); the ends
    of binary32, and random codes. Both signs.
    """
    draw = random.Random(seed)
    values = sorted({np.float64(m) for m in magnitudes})
    values.append(values[-1] + (values[-1] - values[-2]))  # Where overflow's midpoint ends.
    centres = []
    for low, high in zip(values, values[1:]):
        centres += [low, (low + high) / 2]
    centres += [values[-1], values[1] / 4]
    if not dense:
        keep = 24
        inner = centres[keep:-keep]
        centres = centres[:keep] + draw.sample(inner, min(len(inner), keep)) + centres[-keep:]
    codes = []
    for centre in centres:
        if abs(centre) > np.finfo(np.float32).max:
            continue
        code = bits(centre)
        codes += [c for c in (code - 1, code, code + 1) if 0 <= c <= 0x7F800000]
    codes += [0, 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F800000]
    top = bits(min(values[-1] * 4, np.finfo(np.float32).max))
    bottom = bits(values[1]) - (4 << 23) if bits(values[1]) > (4 << 23) else 0
    codes += [draw.randrange(bottom, top) for _ in range(64)]
    codes = sorted(set(codes))
    return codes + [c | 0x80000000 for c in codes]
