#!/bin/sh
# Usage: newer-openssh.sh CHECKOUT
# Unpacks the OpenSSH of Debian's next release, and all that it needs, below dist/newer-openssh/root: fetched once, by apt,
# from the mirror that this machine's apt uses, but with lists and a state of its own. Nothing is installed.
set -eu

base=$1/dist/newer-openssh
suite=testing

main() {
  command -v apt-get >/dev/null || fail 'needs apt'
  exec 9>"$1/dist/.newer-openssh.lock"
  flock 9
  [ ! -e "$base/ready" ] || return 0
  rm -rf "$base"
  mkdir -p "$base/root" "$base/lists/partial" "$base/cache/archives/partial"
  : >"$base/status"
  # shellcheck source=/dev/null
  here=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck disable=SC2016 # apt's own variable
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $here" | head -n 1)
  [ -n "$mirror" ] || fail "needs the lists of Debian: apt-get update"
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keys] $mirror $suite main" >"$base/sources.list"
  apt --error-on=any update
  apt -y --no-install-recommends --download-only install openssh-client openssh-server bash coreutils
  for package in "$base"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$base/root"; done
  for folder in bin sbin lib lib64; do [ -e "$base/root/$folder" ] || ln -s "usr/$folder" "$base/root/$folder"; done
  ln -sf bash "$base/root/usr/bin/sh" # which a script of its package would do
  rm -rf "$base/cache" "$base/lists"
  : >"$base/ready"
}

apt() {
  apt-get -q -o Dir::Etc::SourceList="$base/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists="$base/lists" -o Dir::State::Status="$base/status" -o Dir::Cache="$base/cache" \
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o APT::Sandbox::User=root "$@" >"$base/log" 2>&1 || fail "$suite cannot be fetched: $(tail -n 1 "$base/log")"
}

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

main "$@"
