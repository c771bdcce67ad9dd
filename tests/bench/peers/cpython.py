"""The original's loop alone: for each line "cpython SECONDS" on standard input, a line with its flips per second."""
import random
import sys
import time


def flips_until(heads_required):
    heads = flips = 0
    while heads < heads_required:
        flips += 1
        if random.choice(["heads", "tails"]) == "heads":
            heads += 1
        else:
            heads = 0
    return flips


for line in sys.stdin:
    seconds = float(line.split()[1])
    start = time.perf_counter()
    flips = 0
    while time.perf_counter() - start < seconds:
        flips += flips_until(20)
    print(flips / (time.perf_counter() - start), flush=True)
