# What every build of the agent needs; sourced by build.sh and test.sh.
# Debian keeps static libelf and libz per architecture; libbpf itself comes with the crate (feature `static`).

# Prints which of the packages in "$@" dpkg does not have, one a line.
missing_packages() {
  for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'install ok installed' || echo "$package"
  done
}

require_packages() {
  local missing
  missing=$(missing_packages "$@")
  if [ -n "$missing" ]; then
    echo "The agent's build needs these packages: $(echo "$missing" | tr '\n' ' ')" >&2
    echo "Install them:  sudo apt-get install $(echo "$missing" | tr '\n' ' ')" >&2
    return 1
  fi
}
