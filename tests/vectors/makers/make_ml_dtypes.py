# SPDX-License-Identifier: Apache-2.0
"""Prints ml_dtypes.kat: value tables and casts of the formats of ml_dtypes (pip install ml_dtypes).

Usage: make_ml_dtypes.py > tests/vectors/ml_dtypes.kat
"""
import ml_dtypes
import numpy as np

from kat_common import float32_edges, origin

SMALL = ["float8_e5m2", "float8_e4m3", "float8_e3m4", "float8_e4m3fn", "float8_e4m3fnuz",
         "float8_e5m2fnuz", "float8_e4m3b11fnuz", "float8_e8m0fnu", "float6_e3m2fn",
         "float6_e2m3fn", "float4_e2m1fn"]
HASH_START, HASH_FACTOR = 1469598103934665603, 1099511628211


def dtype_of(name):
    return np.dtype(getattr(ml_dtypes, name, None) or getattr(np, name))


def cast(x, name):
    """Codes of the casts of a binary32 array. ml_dtypes warns of NaN and overflow; we mean them."""
    with np.errstate(all="ignore"):
        y = x.astype(dtype_of(name))
    return y.view(np.uint8 if y.dtype.itemsize == 1 else np.uint16)


def values_of(name, codes):
    """The binary32 codes of the values of codes: every value is exact in binary32."""
    return codes.view(dtype_of(name)).astype(np.float32).view(np.uint32)


def bit_width(name):
    return {"float6_e3m2fn": 6, "float6_e2m3fn": 6, "float4_e2m1fn": 4}.get(name, 8)


def canonical(codes, name):
    """The codes with every NaN replaced by the contract's canonical one (None where there is
    none), so that a hash does not depend on which NaN a tool gives."""
    with np.errstate(all="ignore"):
        is_nan = np.isnan(codes.view(dtype_of(name)).astype(np.float32))
    nan = {"bfloat16": 0x7FC0, "float16": 0x7E00, "float8_e5m2": 0x7E, "float8_e4m3": 0x7C,
           "float8_e3m4": 0x78, "float8_e4m3fn": 0x7F, "float8_e8m0fnu": 0xFF}.get(name, 0x80)
    return np.where(is_nan, nan, codes)


def section_11_hash(codes):
    h = HASH_START
    for code in codes:
        h = (h * HASH_FACTOR + int(code)) % 2**64
    return h


def main():
    print(origin("make_ml_dtypes.py", [ml_dtypes, np], [
        "values format code0   binary32 codes of the values of code0, code0 + 1, ...",
        "inputs format   binary32 codes",
        "cast format   the codes of the casts of the inputs of that format (any NaN for a NaN)",
        "hash from to h   contract section 11 over all codes of `from`, canonical NaN codes",
    ]))
    for name in SMALL:
        codes = np.arange(1 << bit_width(name), dtype=np.uint8)
        values = values_of(name, codes)
        for first in range(0, len(codes), 32):
            print("values", name, f"{first:02x}", " ", *(f"{v:08x}" for v in values[first:first + 32]))
    for name in SMALL + ["bfloat16", "float16"]:
        if name in SMALL:
            codes = np.arange(1 << bit_width(name), dtype=np.uint8)
        else:
            codes = np.arange(1 << 16, dtype=np.uint16)
        with np.errstate(all="ignore"):
            values = codes.view(dtype_of(name)).astype(np.float64)
        magnitudes = values[np.isfinite(values) & (values >= 0)]
        inputs = float32_edges(magnitudes, seed=name, dense=name in SMALL)
        inputs += [0x7FC00000]
        outputs = cast(np.array(inputs, dtype=np.uint32).view(np.float32), name)
        print("inputs", name, *(f"{x:x}" for x in inputs))
        print("cast", name, *(f"{y:x}" for y in outputs))
    every = np.arange(1 << 16, dtype=np.uint16)
    for source in ["bfloat16", "float16"]:
        x = every.view(dtype_of(source)).astype(np.float32)
        x = x[~np.isnan(x)]  # Section 11 skips NaN inputs.
        for name in SMALL + ["bfloat16", "float16"]:
            if name == "float8_e8m0fnu":  # Differs in ties and subnormals: see the test.
                continue
            print("hash", source, name, f"{section_11_hash(canonical(cast(x, name), name)):016x}")


main()
