"""The original's loop alone: for each line "cpython SECONDS" on standard input, a line with its flips per second."""
import sys
import time

from coinflip import flips_until

for line in sys.stdin:
    seconds = float(line.split()[1])
    start = time.perf_counter()
    flips = 0
    while time.perf_counter() - start < seconds:
        flips += flips_until(20)
    print(flips / (time.perf_counter() - start), flush=True)
