# SPDX-License-Identifier: Apache-2.0
"""Prints gfloat.kat: casts by the directed, nearest and stochastic modes of gfloat, with and
without saturation (pip install gfloat).

Usage: make_gfloat.py > tests/vectors/gfloat.kat
"""
import random

import gfloat
import numpy as np
from gfloat import RoundMode
from gfloat import formats as f

from kat_common import float32_edges, float_of, origin

FORMATS = {
    "float16": f.format_info_binary16,
    "bfloat16": f.format_info_bfloat16,
    "float8_e5m2": f.format_info_ocp_e5m2,
    "float8_e4m3fn": f.format_info_ocp_e4m3,
    "float8_e8m0fnu": f.format_info_ocp_e8m0,
    "float6_e3m2fn": f.format_info_ocp_e3m2,
    "float6_e2m3fn": f.format_info_ocp_e2m3,
    "float4_e2m1fn": f.format_info_ocp_e2m1,
}
DETERMINISTIC = {
    "rne": RoundMode.TiesToEven,
    "rna": RoundMode.TiesToAway,
    "rtz": RoundMode.TowardZero,
    "rup": RoundMode.TowardPositive,
    "rdn": RoundMode.TowardNegative,
}
STOCHASTIC = {
    "sra": RoundMode.StochasticFastest,
    "srb": RoundMode.StochasticFast,
    "src": RoundMode.Stochastic,
}


def inputs_for(name, info):
    if info.k <= 8:
        values = [gfloat.decode_float(info, c).fval for c in range(1 << info.k)]
    else:
        steps = [gfloat.decode_float(info, c).fval for c in range(0, 1 << (info.k - 1))]
        values = steps
    magnitudes = [v for v in values if np.isfinite(v) and v >= 0]
    codes = float32_edges(magnitudes, seed=name, dense=False)
    if not info.is_signed:
        # gfloat gives 0 for x <= 0 and values below the smallest one for small x, which the
        # format has not.
        codes = [c for c in codes if float_of(c) >= info.smallest]
    draw = random.Random(name)
    return sorted(draw.sample(codes, min(len(codes), 400)))


def encode(info, value):
    return gfloat.encode_float(info, value)


def main():
    print(origin("make_gfloat.py", [gfloat, np], [
        "inputs format   binary32 codes",
        "round format mode overflow r   the codes of the inputs of that format, rounded; r is the",
        "  random number of the stochastic modes (any NaN for a NaN). gfloat's sat is our `sat`.",
    ]))
    for name, info in FORMATS.items():
        inputs = inputs_for(name, info)
        print("inputs", name, *(f"{x:x}" for x in inputs))
        modes = [(mode, rounding, 0, 0) for mode, rounding in DETERMINISTIC.items()]
        draw = random.Random(name + "r")
        for mode, rounding in STOCHASTIC.items():
            for number_bits in (1, 5, 16):
                r = draw.randrange(1 << number_bits)
                modes.append((f"{mode}{number_bits}", rounding, r, number_bits))
        for mode, rounding, r, number_bits in modes:
            # A format with neither infinity nor NaN has no unsaturated overflow in gfloat.
            for saturate in [True] if info.num_nans == 0 else [False, True]:
                outputs = []
                for x in inputs:
                    value = gfloat.round_float(info, float(float_of(x)), rounding, saturate, r,
                                               number_bits)
                    outputs.append(encode(info, value))
                print("round", name, mode, "sat" if saturate else "ovf", r,
                      *(f"{int(y):x}" for y in outputs))


main()
