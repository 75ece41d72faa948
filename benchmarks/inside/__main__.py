"""`python -m benchmarks.inside NAME ARGUMENT…`: Django first, then the module, whose answer is printed as JSON."""

import importlib
import json
import sys

import django

if __name__ == "__main__":
    django.setup()
    module = importlib.import_module(f"benchmarks.inside.{sys.argv[1]}")
    print(json.dumps(module.main(*sys.argv[2:])))
