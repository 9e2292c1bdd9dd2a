#!/usr/bin/env bash
# Builds the static host agents:  build.sh [x86_64|aarch64|all]   (default: this machine's architecture)
# Result: dist/agents/ARCH/ringside-agent and dist/agents/manifest.json. Cargo does nothing where nothing changed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out=$root/dist/agents
# shellcheck source=env.sh
. "$here/env.sh"

# Largest size that may ship: everything, symbols included, in 5 MB.
most_bytes=5000000

c_library_is_at_least() {
  local version
  version=$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)
  [ "$(printf '%s\n%s\n' "$1" "$version" | sort -V | head -1)" = "$1" ]
}

# The standard library for aarch64 comes from Debian (no rustup target needed); it must be of the same build as the
# compiler, so Debian's compiler goes with it. x86_64 uses whatever cargo the developer has.
build() {
  local arch=$1 target=$1-unknown-linux-gnu own target_dir=$here/target
  local -a cargo=(cargo)
  own=$(uname -m)
  # Nothing unwinds (panic = abort), so nothing needs tables for that.
  export RUSTFLAGS='-C target-feature=+crt-static -C force-unwind-tables=no'
  # Messages of panics name files: not by where they lie on this machine.
  RUSTFLAGS+=" --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src/=crates/ --remap-path-prefix=$here/="
  # Packed, a hundred thousand bytes less. Linkers pack them for x86_64, and the C library that starts the agent must know.
  if [ "$arch" = x86_64 ] && [ "$own" = x86_64 ] && c_library_is_at_least 2.36; then
    RUSTFLAGS+=' -C link-arg=-Wl,-z,pack-relative-relocs'
  fi
  if [ "$arch" = aarch64 ] && [ "$own" != aarch64 ]; then
    require_packages rustc-web cargo-web libstd-rust-web-dev:arm64 gcc-aarch64-linux-gnu libelf-dev:arm64 zlib1g-dev:arm64
    cargo=(env "PATH=/usr/bin:/bin" "RUSTC=/usr/bin/rustc" /usr/bin/cargo)
    # Two compilers in one target folder would rebuild each other's build scripts every time.
    target_dir=$here/target/debian
  else
    command -v cargo >/dev/null || { echo "The agent's build needs Rust: https://rustup.rs, or: sudo apt-get install cargo-web rustc-web" >&2; return 1; }
    require_packages libelf-dev zlib1g-dev pkg-config gcc make
  fi
  (cd "$here" && CARGO_TARGET_DIR=$target_dir "${cargo[@]}" build --locked --release --quiet --target "$target" -p ringside-agent)
  install -D -m 755 "$target_dir/$target/release/ringside-agent" "$out/$arch/ringside-agent.$$"
  check "$arch" "$out/$arch/ringside-agent.$$"
  # Renamed, so that a running agent of the old build keeps its file.
  mv "$out/$arch/ringside-agent.$$" "$out/$arch/ringside-agent"
}

# A dynamic or an oversized agent must not ship. A quick build for tries (CARGO_PROFILE_RELEASE_LTO=off) is larger.
check() {
  local arch=$1 file=$2 bytes
  bytes=$(stat -c %s "$file")
  [ "$bytes" -le "$most_bytes" ] || [ "${CARGO_PROFILE_RELEASE_LTO:-}" = off ] || { echo "$arch agent: $bytes bytes, the most is $most_bytes" >&2; return 1; }
  if readelf -lW "$file" | grep -q ' INTERP '; then echo "$arch agent is not linked statically" >&2; return 1; fi
}

# All agents that are there, so that building one keeps the other's entry.
write_manifest() {
  local version agents='' arch file
  version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$here/Cargo.toml")
  for arch in x86_64 aarch64; do
    file=$out/$arch/ringside-agent
    [ -f "$file" ] || continue
    agents+="${agents:+,}
    \"$arch\": { \"file\": \"$arch/ringside-agent\", \"sha256\": \"$(sha256sum "$file" | cut -d' ' -f1)\", \"bytes\": $(stat -c %s "$file") }"
  done
  printf '{\n  "version": "%s",\n  "agents": {%s\n  }\n}\n' "$version" "$agents" > "$out/manifest.json.$$"
  mv "$out/manifest.json.$$" "$out/manifest.json"
}

# Two builds of one architecture at a time (an editor and a test run) would write each other's files.
build_alone() {
  mkdir -p "$here/target"
  (flock 9; build "$1") 9>"$here/target/.build-$1.lock"
  (flock 9; write_manifest) 9>"$here/target/.manifest.lock"
}

case ${1:-$(uname -m)} in
  x86_64 | aarch64) build_alone "${1:-$(uname -m)}" ;;
  all) build_alone x86_64; build_alone aarch64 ;;
  *) echo "usage: build.sh [x86_64|aarch64|all]" >&2; exit 2 ;;
esac
