#!/usr/bin/env bash
# All tests of the agent: format, lints, unit tests, and the agent against the running kernel (needs root).
#   test.sh [--release]    --release also runs the kernel tests with the static agent of dist/agents
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"
# shellcheck source=env.sh
. ./env.sh

[ "$(id -u)" = 0 ] || { echo "The agent's tests load BPF programs: run them as root (sudo -E host-agent/test.sh)." >&2; exit 1; }
require_packages libelf-dev zlib1g-dev pkg-config gcc make
command -v "${CLANG:=clang-19}" >/dev/null || CLANG=clang
command -v "$CLANG" >/dev/null || { echo "The test programs need clang: sudo apt-get install clang-19" >&2; exit 1; }
command -v bpftool >/dev/null || { echo "The tests look for leftovers with bpftool: sudo apt-get install bpftool" >&2; exit 1; }
export CLANG
# What is built once only gains nothing from being built in pieces.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0

# Tracepoints need tracefs; what was mounted here is unmounted again.
mounted=
cleanup() { [ -z "$mounted" ] || umount "$mounted"; }
trap cleanup EXIT
if ! grep -q ' tracefs ' /proc/mounts; then
  mount -t tracefs ringside-test /sys/kernel/tracing
  mounted=/sys/kernel/tracing
fi

# Ids of the programs of the test objects; other people's come and go.
ours() { bpftool -j prog show 2>/dev/null | grep -o '"id":[0-9]*,"type":"[a-z_]*","name":"[^"]*"' | grep -E '"(on_getpid|speak|on_getpid_count|count_packets|sample|on_syscall)"' || true; }
before=$(ours)

cargo fmt --check
cargo clippy --locked --quiet --all-targets -- -D warnings
# One at a time: they count system calls and look at the same interface.
cargo test --locked --quiet --no-fail-fast -- --test-threads=1
if [ "${1:-}" = --release ]; then
  ./build.sh
  RINGSIDE_AGENT=$here/../dist/agents/$(uname -m)/ringside-agent cargo test --locked --quiet --no-fail-fast -p ringside-agent --tests -- --test-threads=1
fi

for _ in 1 2 3 4 5 6 7 8 9 10; do
  after=$(ours)
  left=$(comm -13 <(sort <<<"$before") <(sort <<<"$after") | sed '/^$/d')
  [ -z "$left" ] && break
  sleep 0.5
done
[ -z "$left" ] || { echo "BPF programs are left behind: $left" >&2; exit 1; }
echo "agent tests: passed, no BPF program left behind"
