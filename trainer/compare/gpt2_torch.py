#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The losses of GPT-2 training steps by PyTorch, from the same weights and text as the trainer.

Nothing here is the trainer's: the model is written with torch.nn.functional, gradients are
autograd's, the optimiser is torch.optim.AdamW. Weights and batches follow trainer/random.h, which
is simple enough to be written twice. The output is tests/trainer/torch_losses.txt:

    python3 trainer/compare/gpt2_torch.py TEXT > tests/trainer/torch_losses.txt

Needs torch and numpy only for speed; with --bf16, matrix products take bfloat16 operands and sum in
float32 as the trainer's do; with --time STEPS it prints tokens a second instead.
"""
import argparse
import math
import sys
import time

import torch
import torch.nn.functional as F

MASK = (1 << 64) - 1


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def random_bits(seed, what, index):
    return mix(mix(mix(seed) ^ what) ^ index)


def random_normal(seed, what, index):
    total = 0
    for i in range(4):
        bits = random_bits(seed, what, 4 * index + i)
        for _ in range(3):
            total += bits & 0xFFFFF
            bits >>= 20
    return (2 * total - 12 * 0xFFFFF) * 2.0**-21


def initial_parameters(c, seed):
    """(name, tensor) in the order of trainer/parameters.h."""
    width = c.width
    shapes = [("wte.weight", (c.vocabulary, width)), ("wpe.weight", (c.context, width))]

    def linear(name, rows, cols):
        shapes.append((name + ".weight", (rows, cols) if rows else (cols,)))
        shapes.append((name + ".bias", (cols,)))

    for layer in range(c.layers):
        h = f"h.{layer}."
        linear(h + "ln_1", 0, width)
        linear(h + "attn.c_attn", width, 3 * width)
        linear(h + "attn.c_proj", width, width)
        linear(h + "ln_2", 0, width)
        linear(h + "mlp.c_fc", width, 4 * width)
        linear(h + "mlp.c_proj", 4 * width, width)
    linear("ln_f", 0, width)
    parameters = {}
    for what, (name, shape) in enumerate(shapes):
        if len(shape) == 1:
            value = torch.ones(shape) if name.endswith(".weight") else torch.zeros(shape)
        else:
            scale = 0.02 / math.sqrt(2 * c.layers) if name.endswith("c_proj.weight") else 0.02
            count = shape[0] * shape[1]
            numbers = [scale * random_normal(seed, what, i) for i in range(count)]
            value = torch.tensor(numbers, dtype=torch.float64).float().reshape(shape)
        parameters[name] = value.requires_grad_()
    return parameters


class Bf16Product(torch.autograd.Function):
    """a @ b with operands rounded to bfloat16 and sums in float32, forward and backward."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a.bfloat16().float() @ b.bfloat16().float()

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        g = g.bfloat16().float()
        da = g @ b.bfloat16().float().transpose(-1, -2)
        db = a.bfloat16().float().transpose(-1, -2) @ g
        while db.dim() > b.dim():
            db = db.sum(0)
        return da, db


def loss_of(c, p, tokens, targets, product):
    batch, length = tokens.shape
    x = p["wte.weight"][tokens] + p["wpe.weight"][:length]
    mask = torch.full((length, length), float("-inf")).triu(1)

    def norm(x, name):
        return F.layer_norm(x, (c.width,), p[name + ".weight"], p[name + ".bias"], 1e-5)

    def linear(x, name):
        flat = product(x.reshape(-1, x.shape[-1]), p[name + ".weight"])
        return (flat + p[name + ".bias"]).reshape(batch, length, -1)

    for layer in range(c.layers):
        h = f"h.{layer}."
        qkv = linear(norm(x, h + "ln_1"), h + "attn.c_attn")
        q, k, v = (t.reshape(batch, length, c.heads, -1).transpose(1, 2)
                   for t in qkv.split(c.width, dim=2))
        scores = product(q, k.transpose(-1, -2)) / math.sqrt(c.width // c.heads)
        heads = product(F.softmax(scores + mask, dim=-1), v)
        heads = heads.transpose(1, 2).reshape(batch, length, c.width)
        x = x + linear(heads, h + "attn.c_proj")
        up = F.gelu(linear(norm(x, h + "ln_2"), h + "mlp.c_fc"), approximate="tanh")
        x = x + linear(up, h + "mlp.c_proj")
    x = norm(x, "ln_f")
    logits = product(x.reshape(-1, c.width), p["wte.weight"].t())
    return F.cross_entropy(logits, targets.reshape(-1))


def batch_at(c, text, seed, index):
    train = len(text) - len(text) // 10
    rows = []
    for i in range(c.batch):
        first = random_bits(seed, 0x7465787420646174, index * c.batch + i) % (train - c.context)
        rows.append(list(text[first:first + c.context + 1]))
    rows = torch.tensor(rows)
    return rows[:, :-1], rows[:, 1:]


def rate_at(c, step):
    """Cosine from top to top / 10 after a linear warm-up, as trainer/optimizer.h says."""
    top, bottom, last = c.rate, c.rate / 10, c.steps - 1
    if step < c.warmup:
        return top * (step + 1) / c.warmup
    if step >= last:
        return bottom
    progress = (step - c.warmup) / (last - c.warmup)
    return bottom + 0.5 * (1 + math.cos(math.pi * progress)) * (top - bottom)


def train(c, text, seed, steps, product):
    p = initial_parameters(c, seed)
    groups = [{"params": [t for t in p.values() if t.dim() == 2], "weight_decay": 0.1},
              {"params": [t for t in p.values() if t.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(c, step)
        loss = loss_of(c, p, *batch_at(c, text, seed, step), product)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(p.values(), 1.0)
        optimizer.step()
        yield loss.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    # As in trainer/config.h: vocabulary, context, layers, heads, width, batch, learning rate.
    shapes = {"pico": (256, 32, 2, 2, 64, 4, 3e-3), "nano": (256, 64, 4, 4, 128, 8, 2e-3),
              "micro": (256, 256, 8, 5, 320, 8, 1e-3)}
    parser.add_argument("--preset", choices=list(shapes), default="pico")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--time", type=int, default=0)
    parser.add_argument("--bf16", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    c = argparse.Namespace(**dict(zip(
        ("vocabulary", "context", "layers", "heads", "width", "batch", "rate"),
        shapes[args.preset])))
    with open(args.text, "rb") as file:
        text = file.read()
    if args.time:
        c.steps, c.warmup = args.time, 1
        losses = train(c, text, 1, args.time, torch.matmul)
        next(losses)
        start = time.process_time()
        count = sum(1 for _ in losses)
        seconds = time.process_time() - start
        print(f"{count * c.batch * c.context / seconds:.0f} tokens/s of processor time")
        return
    c.steps, c.warmup = args.steps, args.steps // 20
    print("# SPDX-License-Identifier: Apache-2.0")
    print(f"# {args.preset}, seed 1, {args.steps} steps: step, loss in float32, loss in bf16 operators")
    print(f"# made by trainer/compare/gpt2_torch.py, PyTorch {torch.__version__}, "
          f"Python {sys.version.split()[0]}")
    exact = train(c, text, 1, args.steps, torch.matmul)
    rounded = train(c, text, 1, args.steps, Bf16Product.apply)
    for step, (a, b) in enumerate(zip(exact, rounded)):
        print(f"{step} {a:.7f} {b:.7f}")


if __name__ == "__main__":
    main()
