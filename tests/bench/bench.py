#!/usr/bin/env python3
"""Measures our tools against the peers in one run, and prints ratios: the machine's own speed cancels out.

    tests/bench/bench.py [ROW…]        rows: history names import push pull memory export archive rootfs unpack commit
                                       build

Needs root, the peers' root (tests/peers/root up) and a release build, or OCIUTILS_BIN=DIR. Each command runs five
times (the long ones once to three times), alternating with its peers; the best run counts. Everything listens on
127.0.0.1 and is stopped by its id. docs/performance.md says what was expected and what came out.
"""
import os, shutil, sys, tempfile

import builds, life, trees
from fixtures import ROOT, Registry, big_image, tool, tree_image

ROWS = "history names import push pull memory export archive rootfs unpack commit build".split()


def measure_life(wanted, scratch, registry):
    if "history" in wanted:
        life.histories(scratch)
    if "names" in wanted:
        life.names(scratch)
    if "import" in wanted:
        life.imports(scratch)
    if {"pull", "push", "memory"} & wanted:
        layout = big_image(scratch)
        if "push" in wanted:
            life.pushes(scratch, layout, registry)
        if "pull" in wanted:
            tool("oci-push", "-L", layout, "big:1", "--to", f"127.0.0.1:{registry.port}/big:1")
            life.pulls(scratch, registry, "big:1")
        if "memory" in wanted:
            life.memory(scratch, layout, registry)
        shutil.rmtree(layout)


def measure_trees(wanted, scratch, registry):
    if not {"export", "archive", "rootfs", "unpack", "commit"} & wanted:
        return
    layout = tree_image(scratch)
    if "export" in wanted:
        trees.exports(scratch, layout)
    if "rootfs" in wanted:
        trees.rootfs(scratch, layout, registry)
    if "unpack" in wanted:
        trees.unpacks(scratch, layout)
    if "commit" in wanted:
        trees.commits(scratch, layout)
    if "archive" in wanted:
        trees.archives(scratch, layout)


def main():
    wanted = set(sys.argv[1:] or ROWS)
    if wanted - set(ROWS):
        sys.exit(f"no such row: {' '.join(sorted(wanted - set(ROWS)))}; there are {' '.join(ROWS)}")
    if not os.path.exists(os.path.join(ROOT, "usr/bin/skopeo")):
        sys.exit("skipped: needs the peers' root; make it with tests/peers/root up")
    os.makedirs(os.path.join(ROOT, "work"), exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="bench-", dir=os.path.join(ROOT, "work"))
    registry = Registry(scratch)
    try:
        measure_life(wanted, scratch, registry)
        measure_trees(wanted, scratch, registry)
        if "build" in wanted:
            builds.builds(scratch, registry)
    finally:
        registry.stop()
        shutil.rmtree(scratch, ignore_errors=True)


main()
