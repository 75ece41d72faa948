"""`put MODULE N URL`: imports a peer under the name its worker knows it by, and has it queue N requests."""

import importlib
import sys

if __name__ == "__main__":
    importlib.import_module(f"benchmarks.peers.{sys.argv[1]}").put(int(sys.argv[2]), sys.argv[3])
