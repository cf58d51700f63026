#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a .safetensors file with the names and shapes of GPT-2 and weights of its statistics.

Not a trained model: matrices are normal with deviation 0.02 (residual projections 0.02 / sqrt(2 layers), as GPT-2
is initialised), columns have lognormal scales and one element in a hundred a threefold deviation, as training
leaves them; gains of the norms lie around 1. Same arguments, same bytes. Needs Python alone; with the defaults,
0.9 million weights, it takes some seconds.
"""

import argparse
import array
import json
import math
import random
import struct


def tensors(layers, width, vocabulary, context):
    """(name, shape, deviation) of every tensor; deviation None for the gain of a norm."""
    yield "wte.weight", (vocabulary, width), 0.02
    yield "wpe.weight", (context, width), 0.01
    residual = 0.02 / math.sqrt(2 * layers)
    for i in range(layers):
        for name, shape, deviation in (
            ("ln_1.weight", (width,), None),
            ("ln_1.bias", (width,), 0.02),
            ("attn.c_attn.weight", (width, 3 * width), 0.02),
            ("attn.c_attn.bias", (3 * width,), 0.02),
            ("attn.c_proj.weight", (width, width), residual),
            ("attn.c_proj.bias", (width,), 0.01),
            ("ln_2.weight", (width,), None),
            ("ln_2.bias", (width,), 0.02),
            ("mlp.c_fc.weight", (width, 4 * width), 0.02),
            ("mlp.c_fc.bias", (4 * width,), 0.02),
            ("mlp.c_proj.weight", (4 * width, width), residual),
            ("mlp.c_proj.bias", (width,), 0.01),
        ):
            yield f"h.{i}.{name}", shape, deviation
    yield "ln_f.weight", (width,), None
    yield "ln_f.bias", (width,), 0.02


def values(shape, deviation, generator):
    """float32 codes of a tensor, as bytes."""
    gauss = generator.gauss
    if deviation is None:
        return array.array("f", (1 + 0.1 * gauss(0, 1) for _ in range(shape[0])))
    columns = shape[-1]
    rows = math.prod(shape) // columns
    scales = [deviation * math.exp(0.3 * gauss(0, 1)) for _ in range(columns)]
    uniform = generator.random
    return array.array("f", (s * gauss(0, 1) * (3 if uniform() < 0.01 else 1) for _ in range(rows) for s in scales))


def bfloat16(numbers):
    """The upper halves of float32, rounded to nearest even."""
    words = array.array("I", numbers.tobytes())
    return array.array("H", ((w + 0x7FFF + (w >> 16 & 1)) >> 16 for w in words))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="the .safetensors file")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--vocabulary", type=int, default=512)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bfloat16", action="store_true", help="store BF16 instead of F32")
    options = parser.parse_args()
    generator = random.Random(options.seed)
    header, data, offset = {}, [], 0
    for name, shape, deviation in tensors(options.layers, options.width, options.vocabulary, options.context):
        numbers = values(shape, deviation, generator)
        codes = (bfloat16(numbers) if options.bfloat16 else numbers).tobytes()
        header[name] = {
            "dtype": "BF16" if options.bfloat16 else "F32",
            "shape": list(shape),
            "data_offsets": [offset, offset + len(codes)],
        }
        offset += len(codes)
        data.append(codes)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(options.out, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for codes in data:
            file.write(codes)


if __name__ == "__main__":
    main()
