# Recipes for people who work on ociutils. `check` is what CI runs; nothing in CI needs `just`.

# list the recipes
default:
    @{{ just_executable() }} --list --unsorted

# build all tools, unoptimised
build:
    cargo build --workspace --bins

# run all tests; those that need a peer say `skipped: needs …` (first: just peers)
test *args:
    cargo test --workspace {{ args }}

# run one tool's own tests: just test-tool pull
test-tool verb *args:
    cargo test --package oci-{{ verb }} {{ args }}

# all that CI runs
check:
    bash .ci/run

# formatting, clippy, documents, licences
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace
    cargo deny --offline check licenses bans sources

# format the sources
fmt:
    cargo fmt --all

# measure against the peers, as ratios: just bench, just bench pull history (first: just peers)
bench *rows:
    cargo build --release --workspace --bins
    tests/bench/bench.py {{ rows }}

# a tour of the tools on a small image
demo:
    cargo demo

# install the tools, their man pages and completions: just install /usr/local
install prefix="~/.local":
    .ci/package install {{ prefix }}

# write the man pages to docs/man, where they are committed
man:
    .ci/package man docs/man

# write the completions for bash, zsh and fish to target/completions
completions:
    .ci/package completions target/completions

# fuzz each parser of foreign bytes for so many seconds: just fuzz 60, just fuzz 600 gzip_table
fuzz seconds="20" target="":
    .ci/fuzz {{ seconds }} {{ target }}

# make the root of the peers (docker, podman, skopeo, …) and start its daemon; `tests/peers/root down` stops it
peers:
    tests/peers/root up

# static binaries with man pages and completions, as a tar in dist/
release:
    .ci/package release dist

# all that CI runs, on a Debian that nobody has used
fresh:
    .ci/fresh
